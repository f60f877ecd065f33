//! The pages of `docs/`, as Markdown from the server that they describe: at `/docs/{page}.md`, listed at
//! `/docs/index.md`, and at `/llms.txt` in the form that <https://llmstxt.org> describes.
//!
//! They are built in, so that they are always those of this version.

use std::sync::LazyLock;

/// What there is to say of everything, before any page.
const ABOUT: &str = "Ringback delivers webhooks: an event is posted once, and every endpoint that matches gets it at \
                     least once, signed, in order where asked for, and retried for days. Its API is that of the Svix \
                     server with more; it knows the delivery reports of SMS, WhatsApp and voice.";

/// A page as it was written.
#[derive(Debug)]
struct Page {
    name: &'static str,
    /// What it is for.
    about: &'static str,
    text: &'static str,
}

/// The pages by whom they are for, in the order in which they are listed.
const SECTIONS: &[(&str, &[Page])] = &[
    (
        "For whoever receives webhooks",
        &[
            Page {
                name: "receiving",
                about: "What arrives at a URL, how to answer and verify it, what is retried, and what to look at when it fails.",
                text: include_str!("../../../../docs/receiving.md"),
            },
            Page {
                name: "batching",
                about: "Endpoints that get several messages in one request: how to ask for it, what arrives, and how to answer.",
                text: include_str!("../../../../docs/batching.md"),
            },
            Page {
                name: "verify-and-test",
                about: "The handshake with a URL before its first event, and the test that says what is wrong with it.",
                text: include_str!("../../../../docs/verify-and-test.md"),
            },
            Page {
                name: "jql",
                about: "How a program subscribes to events with a query, as Antly's clients do.",
                text: include_str!("../../../../docs/jql.md"),
            },
        ],
    ),
    (
        "For whoever sends them",
        &[
            Page {
                name: "readme",
                about: "What it is, a first look, and the settings of the server.",
                text: include_str!("../../../../README.md"),
            },
            Page {
                name: "messages",
                about: "Many messages at once, when they are sent, how long they are kept, and how they are sent again.",
                text: include_str!("../../../../docs/messages.md"),
            },
            Page {
                name: "polling",
                about: "How a customer that cannot be called asks for its messages.",
                text: include_str!("../../../../docs/polling.md"),
            },
            Page {
                name: "filters",
                about: "Which messages an endpoint gets, by their type and by what they say.",
                text: include_str!("../../../../docs/filters.md"),
            },
            Page {
                name: "transformations",
                about: "Code of an endpoint's owner that changes each webhook before it is sent: what it may do, and how it is tried.",
                text: include_str!("../../../../docs/transformations.md"),
            },
            Page {
                name: "reporting",
                about: "What a delivery report looks like, its schemas, and how JSON of another form becomes one.",
                text: include_str!("../../../../docs/reporting.md"),
            },
            Page {
                name: "dialects",
                about: "How reports are written the way other platforms write and sign them, and how a platform is added.",
                text: include_str!("../../../../docs/dialects.md"),
            },
            Page {
                name: "errors",
                about: "Every error of the API, when it comes and what to do.",
                text: include_str!("../../../../docs/errors.md"),
            },
            Page {
                name: "compatibility",
                about: "Every operation of the Svix server and its client libraries, and each deliberate difference.",
                text: include_str!("../../../../docs/compatibility.md"),
            },
            Page {
                name: "cli",
                about: "The program as a client of the API, the check of a captured request, completions and manual pages.",
                text: include_str!("../../../../docs/cli.md"),
            },
        ],
    ),
    (
        "For whoever runs it",
        &[
            Page {
                name: "operating",
                about: "How it is installed, watched, backed up and upgraded, and what the alerts mean.",
                text: include_str!("../../../../docs/operating.md"),
            },
            Page {
                name: "scaling",
                about: "What more servers on one database give, how to size it, and what lies beyond.",
                text: include_str!("../../../../docs/scaling.md"),
            },
            Page {
                name: "migrating",
                about: "How a Svix server is left behind: applications, endpoints, secrets and settings.",
                text: include_str!("../../../../docs/migrating.md"),
            },
            Page {
                name: "importing",
                about: "How webhooks of many customers are made out of one table.",
                text: include_str!("../../../../docs/importing.md"),
            },
            Page {
                name: "console",
                about: "The web console of the operator, and the portal of the customers.",
                text: include_str!("../../../../docs/console.md"),
            },
            Page {
                name: "reliability",
                about: "What is promised, and how it is broken on purpose to see whether it holds.",
                text: include_str!("../../../../docs/reliability.md"),
            },
            Page {
                name: "performance",
                about: "What a message costs, beside bare HTTP in and out.",
                text: include_str!("../../../../docs/performance.md"),
            },
        ],
    ),
    (
        "Optional",
        &[
            Page {
                name: "architecture",
                about: "The map of the code, and the decisions that everything leans on.",
                text: include_str!("../../../../docs/architecture.md"),
            },
            Page {
                name: "contributing",
                about: "How it is built, tested and added to.",
                text: include_str!("../../../../docs/contributing.md"),
            },
        ],
    ),
];

/// A page as it is served.
#[derive(Debug)]
pub(super) struct Served {
    /// Where.
    pub(super) path: String,
    /// Its text.
    pub(super) text: String,
}

/// All pages.
pub(super) static PAGES: LazyLock<Vec<Served>> = LazyLock::new(|| {
    let pages = SECTIONS.iter().flat_map(|(_, pages)| *pages);
    pages.map(|page| Served { path: page.path(), text: served(page.text) }).collect()
});

/// What there is.
pub(super) static INDEX: LazyLock<String> = LazyLock::new(|| {
    let mut index = format!(
        "# Ringback\n\n> {ABOUT}\n\nThe API describes itself at [/openapi.json](/openapi.json), and for people at [/docs](/docs).\n"
    );
    for (section, pages) in SECTIONS {
        index += &format!("\n## {section}\n\n");
        for page in *pages {
            index += &format!("- [{}]({}): {}\n", title(page.text), page.path(), page.about);
        }
    }
    index
});

impl Page {
    fn path(&self) -> String {
        format!("/docs/{}.md", self.name)
    }
}

/// The first heading.
fn title(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("Ringback")
}

/// The page with links to what the server has, and none to what only the source has.
fn served(text: &str) -> String {
    replace_links(text, |words, place| {
        let (file, anchor) =
            place.split_once('#').map_or((place, String::new()), |(file, at)| (file, format!("#{at}")));
        let file = file.strip_prefix("docs/").unwrap_or(file);
        let file = match file {
            "../README.md" | "README.md" => "readme.md",
            "../openapi.json" => "/openapi.json",
            "LICENSE" => return words.to_owned(),
            file => file,
        };
        if file.ends_with(".png") {
            return String::new();
        }
        if let Some(source) = file.strip_prefix("../") {
            return format!("{words} (`{source}` in the source)");
        }
        if file.starts_with("examples/") {
            return format!("{words} (`{file}` in the source)");
        }
        format!("[{words}]({file}{anchor})")
    })
    .replace("\n!\n", "\n")
}

/// The text with each `[words](place)` replaced.
fn replace_links(text: &str, replace: impl Fn(&str, &str) -> String) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(middle) = rest.find("](") {
        let begin = rest[..middle].rfind('[');
        let end = rest[middle..].find(')').map(|end| middle + end);
        let (Some(begin), Some(end)) = (begin, end) else { break };
        out += &rest[..begin];
        out += &replace(&rest[begin + 1..middle], &rest[middle + 2..end]);
        rest = &rest[end + 1..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_page_of_the_folder_is_served_as_it_is_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let names = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
        let names: BTreeSet<_> = names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        let pages: Vec<_> =
            SECTIONS.iter().flat_map(|(_, pages)| *pages).filter(|page| page.name != "readme").collect();
        assert_eq!(pages.iter().map(|page| page.name.to_owned()).collect::<BTreeSet<_>>(), names);
        for page in pages {
            let file = folder.join(page.name).with_extension("md");
            assert_eq!(page.text, std::fs::read_to_string(file).unwrap(), "{}", page.name);
        }
    }

    #[test]
    fn links_between_pages_lead_to_pages_that_there_are() {
        for page in &*PAGES {
            replace_links(&page.text, |words, place| {
                let file = place.split('#').next().unwrap();
                let known = file.is_empty()
                    || file.starts_with("https://")
                    || file == "/openapi.json"
                    || PAGES.iter().any(|page| page.path == format!("/docs/{file}"));
                assert!(known, "{}: [{words}]({place})", page.path);
                String::new()
            });
        }
    }

    #[test]
    fn the_index_has_a_line_for_each_page() {
        let line = "- [Receiving webhooks](/docs/receiving.md): What arrives at a URL, how to answer and verify it, ";
        assert!(INDEX.contains(line), "{}", *INDEX);
        assert_eq!(INDEX.matches("\n- [").count(), PAGES.len());
    }
}
