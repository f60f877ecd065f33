//! The law that some test calls each method of the client. The client cannot be asked what it has, so its own source is read,
//! and that of the tests: a newer client which has more of them fails until each is called, or stands below with the
//! reason why it cannot be.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// What the server does not offer; docs/compatibility.md says why.
const NOT_OFFERED: &[(&str, &str)] = &[
    ("authentication().get_stream", "streams are another product"),
    ("authentication().rotate_stream", "streams are another product"),
    ("authentication().stream_", "streams are another product"),
    ("autoconfig_subscription()", "set-up by a client that is told how in a token"),
    ("connector()", "a template for the hosted portal of its vendor"),
    ("destination().rotate_secret", "nothing that a polling endpoint gives is signed"),
    ("destination().transformation()", "sinks of other kinds"),
    ("ingest()", "this server sends"),
    ("streaming()", "streams are another product"),
];

/// The methods of the client of one generation (`2.`) that the source of its tests does not call as
/// `.resource().method(`. The words stand in it for what is put in their place.
pub fn never_called(generation: &str, tests: &str, words: &[(&str, &str)]) -> Vec<String> {
    let mut tests: String = tests.split_whitespace().collect();
    for (word, meaning) in words {
        tests = tests.replace(word, &meaning.split_whitespace().collect::<String>());
    }
    let is_offered = |method: &String| !NOT_OFFERED.iter().any(|(prefix, _)| method.starts_with(prefix));
    let methods = methods(&sources(generation));
    assert!(methods.len() > 100, "the client has more methods than {}", methods.len());
    methods.into_iter().filter(is_offered).filter(|method| !is_called(&tests, method)).collect()
}

/// Whether a method is called, and not one of a resource within another whose name ends in the same way.
fn is_called(tests: &str, method: &str) -> bool {
    tests.match_indices(&format!(".{method}(")).any(|(at, _)| !tests[..at].ends_with(')'))
}

/// The files of a client that hold its resources, by their names.
fn sources(generation: &str) -> BTreeMap<String, String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version=1", "--offline", "--locked", "--manifest-path", manifest]);
    let metadata: serde_json::Value = serde_json::from_slice(&cargo.output().unwrap().stdout).unwrap();
    let package = metadata["packages"].as_array().unwrap().iter().find(|package| {
        package["name"] == "svix" && package["version"].as_str().is_some_and(|version| version.starts_with(generation))
    });
    let folder = PathBuf::from(package.expect("the client is there")["manifest_path"].as_str().unwrap())
        .with_file_name("src")
        .join("api");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (name_of(&path), std::fs::read_to_string(&path).unwrap())).collect()
}

fn name_of(path: &std::path::Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// All methods, as they are called on a client: `message().poller().poll`.
fn methods(sources: &BTreeMap<String, String>) -> Vec<String> {
    let resources = sources.iter().filter(|(name, _)| !["mod", "client"].contains(&name.as_str()));
    let of = |(name, source): (&String, &String)| {
        let path = path_of(name, sources);
        functions(source, "pub async fn ").into_iter().map(move |method| format!("{path}.{method}"))
    };
    resources.flat_map(of).collect()
}

/// How a resource is reached: by a method of the one whose name its own begins with, or of the client.
fn path_of(name: &str, sources: &BTreeMap<String, String>) -> String {
    let parent = sources.iter().find_map(|(parent, source)| {
        let child = name.strip_prefix(parent.as_str())?.strip_prefix('_')?;
        functions(source, "pub fn ").contains(&child.to_owned()).then_some((parent, child))
    });
    parent.map_or_else(|| format!("{name}()"), |(parent, child)| format!("{}.{child}()", path_of(parent, sources)))
}

/// The public functions of a file that begin so, without those of features that are not asked for.
fn functions(source: &str, beginning: &str) -> Vec<String> {
    let (mut found, mut of_feature) = (Vec::new(), false);
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[cfg(feature") {
            of_feature = true;
        } else if line.starts_with("pub ") {
            let name = line.strip_prefix(beginning).and_then(|rest| rest.split(['(', '<']).next());
            found.extend(name.filter(|_| !of_feature).map(str::to_owned));
            of_feature = false;
        }
    }
    found
}
