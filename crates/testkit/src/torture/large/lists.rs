//! The time that lists of an application with 1,000,000 messages take, at several depths, each followed for some pages.
//!
//! The bound holds for the median of the pages of each list at each depth: one that stands still for a moment is the machine,
//! one that has to read more the deeper it is shows in all of them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::super::figures::{in_ms, median};
use super::super::report::Report;
use super::super::run::Options;
use super::super::sink::TAKEN;
use super::super::stage::{Fill, Mark, Stage, message};
use super::Large;

/// How deep lists are entered: messages that lie before, of a hundred.
const DEPTHS: [usize; 5] = [0, 25, 50, 75, 99];
/// Pages that are read from there on.
const PAGES: usize = 15;
/// One message in so many is of another kind.
const RARE: usize = 1_000;
/// How often they come.
const PARTS: usize = 20;
/// Bytes of a payload.
const BYTES: usize = 450;
/// Most that the median of the pages of a list may take.
const BOUND: Duration = Duration::from_millis(5);
const APP: &str = "many";

/// The lists: a name, a path behind that of the application, and what is asked for. `{endpoint}` and `{message}` stand for
/// ids of what is listed, the message being the one at the depth.
const LISTS: [(&str, &str); 13] = [
    ("list_messages_ms", "msg?limit=50"),
    ("list_messages_of_type_ms", "msg?limit=50&event_types=large.tick"),
    ("list_messages_of_no_type_ms", "msg?limit=50&event_types=large.never"),
    ("list_messages_of_rare_tag_ms", "msg?limit=50&tag=rare"),
    ("list_messages_of_no_channel_ms", "msg?limit=50&channel=never"),
    ("list_messages_failed_ms", "msg?limit=50&status=2"),
    ("list_endpoint_messages_ms", "endpoint/{endpoint}/msg?limit=50"),
    ("list_endpoint_messages_failed_ms", "endpoint/{endpoint}/msg?limit=50&status=2"),
    ("list_endpoint_attempts_ms", "attempt/endpoint/{endpoint}?limit=50"),
    ("list_endpoint_attempts_failed_ms", "attempt/endpoint/{endpoint}?limit=50&status=2"),
    ("list_endpoint_attempts_4xx_ms", "attempt/endpoint/{endpoint}?limit=50&status_code_class=400"),
    ("list_message_attempts_ms", "attempt/msg/{message}?limit=50"),
    ("list_message_endpoints_ms", "msg/{message}/endpoint?limit=50"),
];

pub(super) async fn measure(options: &Options, large: &Large, folder: &Path, report: &mut Report) -> Result<()> {
    let mut stage = Stage::begin(options, folder).await?;
    stage.app(APP).await?;
    let endpoint = stage.endpoint(APP, TAKEN, json!({})).await?;
    let marks = fill(&stage, large.messages).await?;
    stage.arrived(TAKEN, large.messages).await?;
    stage.at_rest().await?;
    let mut slowest = (Duration::ZERO, String::new());
    for (name, list) in LISTS {
        let mut most = Duration::ZERO;
        for depth in DEPTHS {
            let mark = &marks[(marks.len() - 1) * (100 - depth) / 100];
            let path = list.replace("{endpoint}", &endpoint).replace("{message}", &mark.id);
            let took = median(&pages(&stage, &path, mark, depth).await?);
            most = most.max(took);
            if took > slowest.0 {
                slowest = (took, format!("{}@{depth}%", name.trim_end_matches("_ms")));
            }
        }
        report.field(name, in_ms(most));
        report.require(most <= BOUND, || format!("{name}={}; {} are allowed", in_ms(most), in_ms(BOUND)));
    }
    stage.stop().await?;
    report.field("list_max_ms", in_ms(slowest.0)).field("list_slowest", slowest.1);
    Ok(())
}

/// Fills the application; every thousandth message has a tag.
async fn fill(stage: &Stage, messages: usize) -> Result<Vec<Mark>> {
    let mut marks = Vec::new();
    // In parts, so that what is rare is so everywhere.
    for _ in 0..PARTS {
        marks.extend(stage.fill(APP, &Fill::of(messages / PARTS, BYTES)).await?);
        let rare = message(BYTES, r#""tags":["rare"],"#);
        stage.fill(APP, &Fill { messages: messages / PARTS / RARE, batch: 1, message: rare }).await?;
    }
    Ok(marks)
}

/// Follows a list from a mark on, or from its beginning; returns how long each page took.
async fn pages(stage: &Stage, path: &str, mark: &Mark, depth: usize) -> Result<Vec<Duration>> {
    let mut client = stage.client();
    let is_dated = depth > 0 && !path.contains("/endpoint?");
    let mut next = if is_dated { format!("{path}&before={}", mark.timestamp) } else { path.to_owned() };
    let mut took = Vec::new();
    while took.len() < PAGES {
        let asked = Instant::now();
        let page = stage.get(&mut client, &format!("/api/v1/app/{APP}/{next}")).await?;
        took.push(asked.elapsed());
        let iterator = page["iterator"].as_str().filter(|_| page["done"] == false);
        // A list that is over is asked for once more.
        if let Some(iterator) = iterator {
            next = format!("{path}&iterator={iterator}");
        }
    }
    Ok(took)
}
