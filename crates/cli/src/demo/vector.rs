//! What the demo plays with the formats of messaging platforms: `vectors.txt`, read.

use http::Method;

/// The text: see its head for what the words mean.
const TEXT: &str = include_str!("vectors.txt");

/// One customer: its webhooks, its events, and what must arrive.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Play {
    /// What is shown, in words.
    pub(super) title: &'static str,
    /// What happens, in order.
    pub(super) steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More members of the application.
    Application(&'static str),
    /// An event type is registered.
    EventType(&'static str),
    /// A webhook is registered.
    Endpoint(&'static str),
    /// An event is sent.
    Event(&'static str),
    /// A call of the customer's own, and what must be answered.
    Call(Call),
    /// A request must arrive before the next check.
    Expect(Expected),
    /// What arrived is compared, under this name.
    Check(&'static str),
}

/// A call of the server, and its answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) body: &'static str,
    pub(super) status: u16,
    pub(super) answer: &'static str,
}

/// A request that must arrive.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// It carries a random challenge and is not signed.
    pub(super) handshake: bool,
    pub(super) method: Method,
    pub(super) target: &'static str,
    /// Headers by name; others may be there.
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: &'static str,
}

/// All plays, in the order of the text.
pub(super) fn plays() -> Vec<Play> {
    let mut plays: Vec<Play> = Vec::new();
    for line in TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "==" {
            plays.push(Play { title: rest, steps: Vec::new() });
        } else if let Some(play) = plays.last_mut() {
            read(word, rest, &mut play.steps);
        }
    }
    plays
}

/// Reads one line. The text is part of the program, so a test of this file is what looks for mistakes in it.
fn read(word: &str, rest: &'static str, steps: &mut Vec<Step>) {
    match (word, steps.last_mut()) {
        ("header", Some(Step::Expect(expected))) => expected.headers.extend(rest.split_once(": ")),
        ("body", Some(Step::Expect(expected))) => expected.body = rest,
        ("answer", Some(Step::Call(call))) => {
            let (status, answer) = rest.split_once(' ').unwrap_or((rest, ""));
            (call.status, call.answer) = (status.parse().unwrap_or_default(), answer);
        }
        _ => steps.extend(begin(word, rest)),
    }
}

fn begin(word: &str, rest: &'static str) -> Option<Step> {
    let method = |text: &str| Method::from_bytes(text.as_bytes()).unwrap_or_default();
    Some(match word {
        "application" => Step::Application(rest),
        "event-type" => Step::EventType(rest),
        "endpoint" => Step::Endpoint(rest),
        "event" => Step::Event(rest),
        "check" => Step::Check(rest),
        "call" => {
            let mut words = rest.splitn(3, ' ');
            let (verb, path, body) = (words.next()?, words.next()?, words.next()?);
            Step::Call(Call { method: method(verb), path, body, status: 0, answer: "" })
        }
        "arrives" | "handshake" => {
            let (verb, target) = rest.split_once(' ')?;
            let (method, headers) = (method(verb), Vec::new());
            Step::Expect(Expected { handshake: word == "handshake", method, target, headers, body: "" })
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_text_is_understood() {
        let known = TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let parts = |play: &Play| {
            let steps = play.steps.iter().map(|step| match step {
                Step::Call(_) => 2,
                Step::Expect(expected) => 1 + expected.headers.len() + usize::from(!expected.body.is_empty()),
                _ => 1,
            });
            1 + steps.sum::<usize>()
        };
        assert_eq!(plays().iter().map(parts).sum::<usize>(), known.count());
    }

    #[test]
    fn the_cases_come_in_their_order_and_each_ends_with_a_check() {
        let plays = plays();
        let labels: Vec<_> = plays
            .iter()
            .flat_map(|play| &play.steps)
            .filter_map(|step| if let Step::Check(label) = step { Some(*label) } else { None })
            .collect();
        let order = "A2 A1 A8 A10 A11 A12 J1 J2 J3 R1 R3 R5 C1 C2 C3 C4 C6 C7 C8 C9 C10 C11 C12 C13 C14";
        assert_eq!(labels.join(" "), order);
        assert!(plays.iter().all(|play| matches!(play.steps.last(), Some(Step::Check(_)))));
    }

    #[test]
    fn lengths_that_are_named_are_those_of_the_bodies() {
        for expected in plays().iter().flat_map(|play| &play.steps).filter_map(|step| match step {
            Step::Expect(expected) => Some(expected),
            _ => None,
        }) {
            let named = expected.headers.iter().find(|(name, _)| *name == "content-length");
            if let Some((_, length)) = named {
                assert_eq!(expected.body.len().to_string(), *length, "{}", expected.target);
            }
        }
    }
}
