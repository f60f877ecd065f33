//! What a message costs that matches one of 10,000 endpoints of its application, beside one whose application has no other
//! endpoint: the server's own CPU, delivery included, in turn.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::super::report::Report;
use super::super::run::Options;
use super::super::sink::{HELD, TAKEN};
use super::super::stage::{EVENT_TYPE, Stage, message};
use super::{Large, TURNS};

/// Rounds that are counted.
const ROUNDS: usize = 8;
/// Messages of a turn.
const MESSAGES: usize = 4_000;
/// Types of what the other endpoints get.
const OTHERS: usize = 100;
/// Connections.
const CONNECTIONS: usize = 32;
/// Most that it may cost beside the only endpoint of an application.
const BOUND: f64 = 1.2;
/// The applications: of one endpoint, and of many.
const APPS: [&str; 2] = ["one", "many"];

pub(super) async fn measure(options: &Options, large: &Large, folder: &Path, report: &mut Report) -> Result<()> {
    let mut stage = Stage::begin(options, folder).await?;
    let types = (0..OTHERS).map(|number| format!("other.{number}"));
    for name in types.chain([EVENT_TYPE.to_owned()]) {
        stage.event_type(&name).await?;
    }
    for app in APPS {
        stage.app(app).await?;
        stage.endpoint(app, TAKEN, json!({ "filterTypes": [EVENT_TYPE] })).await?;
    }
    for number in 1..large.endpoints {
        let other = json!({ "filterTypes": [format!("other.{}", number % OTHERS)] });
        stage.endpoint(APPS[1], HELD, other).await?;
    }
    let message = message(450, "");
    let mut costs = [0.0; 2];
    // A round that is not counted: pages, connections and caches are warm after it.
    for round in 0..=ROUNDS {
        for turn in TURNS {
            let (before, arrived) = (stage.cpu_seconds()?, stage.sink.count(TAKEN));
            stage.post(APPS[turn], &message, MESSAGES, CONNECTIONS).await?;
            stage.arrived(TAKEN, arrived + MESSAGES).await?;
            costs[turn] += if round == 0 { 0.0 } else { stage.cpu_seconds()? - before };
        }
    }
    stage.stop().await?;
    let strays = stage.sink.count(HELD);
    let ([one, many], each) = (costs, 1e6 / (2 * ROUNDS * MESSAGES) as f64);
    report.field("one_endpoint_cpu_us", format!("{:.1}", one * each));
    report.field("many_endpoints_cpu_us", format!("{:.1}", many * each));
    report.field("endpoints_ratio", format!("{:.2}", many / one));
    report.require(strays == 0, || format!("{strays} messages went to endpoints that they do not match"));
    report.require(many <= BOUND * one, || {
        format!("a message beside {} endpoints costs {:.2} times; {BOUND} are allowed", large.endpoints, many / one)
    });
    Ok(())
}
