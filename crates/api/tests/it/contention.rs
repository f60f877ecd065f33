//! Many who change one thing at once: each change is made, one after another.

use serde_json::json;

use crate::harness::World;

const AT_ONCE: usize = 20;

#[tokio::test]
async fn changes_of_one_thing_at_once_are_all_made() {
    let world = World::new();
    world.app("a").await;
    world.endpoint("a", json!({ "url": "https://example.com/", "uid": "e" })).await;
    let set = |n: usize| {
        let header = json!({ "headers": { format!("x-{n}"): "v" } });
        let world = &world;
        async move { world.patch("/app/a/endpoint/e/headers", header).await.status }
    };
    let statuses = futures_util::future::join_all((0..AT_ONCE).map(set)).await;
    assert_eq!(statuses, [http::StatusCode::NO_CONTENT; AT_ONCE]);
    let kept = world.get("/app/a/endpoint/e/headers").await.expect(200);
    assert_eq!(kept["headers"].as_object().unwrap().len(), AT_ONCE);
}

#[tokio::test]
async fn of_many_who_put_one_thing_that_is_not_there_one_makes_it_and_the_others_change_it() {
    let world = World::new();
    world.app("a").await;
    for (path, body) in [
        ("/app/new", json!({ "name": "n", "uid": "new" })),
        ("/app/a/endpoint/new", json!({ "url": "https://example.com/", "uid": "new" })),
        ("/event-type/new", json!({ "description": "d" })),
    ] {
        let put = || world.put(path, body.clone());
        let answers = futures_util::future::join_all((0..AT_ONCE).map(|_| put())).await;
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable_by_key(|status| std::cmp::Reverse(*status));
        assert_eq!((statuses[0], &statuses[1..]), (201, &[200; AT_ONCE - 1][..]), "{path}");
    }
}
