//! The laws of lists: pages put together are the list, forwards and backwards, for every list and every page size.

use serde_json::{Value, json};

use crate::harness::World;

/// Walks a list from its beginning to its end and back; answers the ids in its order.
async fn walk(world: &World, path: &str, id: &str, limit: usize) -> Vec<String> {
    let page = async |iterator: Option<String>| {
        let sign = if path.contains('?') { '&' } else { '?' };
        let iterator = iterator.map(|iterator| format!("&iterator={iterator}")).unwrap_or_default();
        world.get(&format!("{path}{sign}limit={limit}{iterator}")).await.expect(200)
    };
    let ids = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|item| item[id].as_str().unwrap().to_owned()).collect()
    };
    let (mut forwards, mut iterator) = (Vec::new(), None);
    let mut last;
    loop {
        last = page(iterator).await;
        let found = ids(&last);
        assert!(found.len() <= limit);
        forwards.push(found);
        iterator = last["iterator"].as_str().map(str::to_owned);
        if last["done"] == json!(true) {
            break;
        }
    }
    let mut backwards = vec![ids(&last)];
    while let Some(iterator) = last["prevIterator"].as_str() {
        last = page(Some(iterator.to_owned())).await;
        backwards.insert(0, ids(&last));
        if last["done"] == json!(true) {
            break;
        }
    }
    let forwards = forwards.concat();
    assert_eq!(backwards.concat(), forwards, "{path} limit {limit}");
    forwards
}

#[tokio::test]
async fn every_list_is_walked_in_both_directions() {
    let world = World::new();
    let mut apps = Vec::new();
    for n in 0..7 {
        apps.push(world.app(&format!("a{n}")).await);
        world.event_type(&format!("t{n}")).await;
    }
    let (mut endpoints, mut messages) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        endpoints.push(world.endpoint("a0", json!({ "url": "https://example.com/" })).await);
    }
    for _ in 0..7 {
        messages.push(world.message("a0", "t0").await);
        world.advance(1);
    }
    let mut attempts = Vec::new();
    for _ in 0..7 {
        attempts.push(world.attempt(&apps[0], &endpoints[0], &messages[0], 500).await.to_string());
        world.advance(1);
    }
    let reversed = |ids: &[String]| ids.iter().rev().cloned().collect::<Vec<_>>();
    let types: Vec<String> = (0..7).map(|n| format!("t{n}")).collect();
    for limit in [1, 2, 3, 6, 7, 8, 250] {
        assert_eq!(walk(&world, "/app", "id", limit).await, apps);
        assert_eq!(walk(&world, "/app?order=descending", "id", limit).await, reversed(&apps));
        assert_eq!(walk(&world, "/event-type", "name", limit).await, types);
        assert_eq!(walk(&world, "/app/a0/endpoint", "id", limit).await, reversed(&endpoints));
        assert_eq!(walk(&world, "/app/a0/endpoint?order=ascending", "id", limit).await, endpoints);
        assert_eq!(walk(&world, "/app/a0/msg", "id", limit).await, reversed(&messages));
        let path = format!("/app/a0/msg/{}/endpoint", messages[0]);
        assert_eq!(walk(&world, &path, "id", limit).await, endpoints);
        let path = format!("/app/a0/attempt/endpoint/{}", endpoints[0]);
        assert_eq!(walk(&world, &path, "id", limit).await, reversed(&attempts));
    }
}

#[tokio::test]
async fn an_empty_list_has_no_iterators_and_is_done() {
    let world = World::new();
    for path in ["/app", "/event-type"] {
        let empty = json!({ "data": [], "iterator": null, "done": true });
        assert_eq!(world.get(path).await.expect(200), empty);
    }
    let app = world.app("a").await;
    let list = world.get("/app").await.expect(200);
    assert_eq!((&list["iterator"], &list["prevIterator"]), (&json!(app), &json!(format!("-{app}"))));
}

#[tokio::test]
async fn archived_event_types_do_not_make_pages_short() {
    let world = World::new();
    for n in 0..9 {
        world.event_type(&format!("t{n}")).await;
        if n % 3 != 0 {
            world.delete(&format!("/event-type/t{n}")).await.expect(204);
        }
    }
    assert_eq!(walk(&world, "/event-type", "name", 2).await, ["t0", "t3", "t6"]);
    assert_eq!(world.get("/event-type?limit=2").await.expect(200)["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn limits_orders_and_iterators_have_their_bounds() {
    let world = World::new();
    world.app("a").await;
    for limit in ["-1", "0", "251", "2147483648", "9223372036854775808", "x", "1.5", "NaN"] {
        for path in ["/app", "/event-type", "/app/a/endpoint", "/app/a/msg"] {
            assert_eq!(world.get(&format!("{path}?limit={limit}")).await.faults(), ["query.limit"], "{limit}");
        }
    }
    for iterator in ["x!", "a%00", "app_1", "--", "%F0%9F%98%80", &"a".repeat(9_000)] {
        for path in ["/app", "/app/a/endpoint", "/app/a/msg"] {
            assert_eq!(
                world.get(&format!("{path}?iterator={iterator}")).await.faults(),
                ["query.iterator"],
                "{iterator}"
            );
        }
    }
    for iterator in ["a%20b", "-"] {
        assert_eq!(world.get(&format!("/event-type?iterator={iterator}")).await.faults(), ["query.iterator"]);
    }
    assert_eq!(world.get("/app?order=sideways").await.faults(), ["query.order"]);
    assert_eq!(world.get("/app/a/msg?after=2027-01-15T09:30:00Z").await.faults(), ["query.after"]);
    world.get("/app/a/msg?before=2027-01-15T08:30:00%2B00:00").await.expect(200);
}
