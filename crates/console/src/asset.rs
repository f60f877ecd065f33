//! Styles and scripts, served under a name that holds a hash of their contents: a browser keeps them for a year, and
//! asks anew when they change.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use sha2::{Digest as _, Sha256};

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// All of them: name, kind, contents. Scripts import each other by these names.
const FILES: &[(&str, &str, &str)] = &[
    ("style.css", STYLE, include_str!("../assets/style.css")),
    ("form.css", STYLE, include_str!("../assets/form.css")),
    ("message.css", STYLE, include_str!("../assets/message.css")),
    ("overview.css", STYLE, include_str!("../assets/overview.css")),
    ("fetch.js", SCRIPT, include_str!("../assets/fetch.js")),
    ("console.js", SCRIPT, include_str!("../assets/console.js")),
    ("live.js", SCRIPT, include_str!("../assets/live.js")),
    ("form.js", SCRIPT, include_str!("../assets/form.js")),
    ("import.js", SCRIPT, include_str!("../assets/import.js")),
    ("portal.js", SCRIPT, include_str!("../assets/portal.js")),
    ("icon.svg", IMAGE, include_str!("../assets/icon.svg")),
];

struct Asset {
    name: &'static str,
    served_as: String,
    kind: &'static str,
    text: String,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let mut assets = Vec::with_capacity(FILES.len());
    for (name, kind, text) in FILES {
        let mut text = (*text).to_owned();
        // What a script imports was named before it.
        for other in &assets {
            let Asset { name, served_as, .. } = other;
            text = text.replace(&format!("\"./{name}\""), &format!("\"./{served_as}\""));
        }
        let hash: String = Sha256::digest(&text)[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        assets.push(Asset { name, served_as: format!("{stem}-{hash}.{ending}"), kind, text });
    }
    assets
});

/// Where a file is served.
pub(crate) fn path(name: &str) -> String {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    format!("/console/assets/{}", asset.map_or("", |asset| asset.served_as.as_str()))
}

/// Serves a file.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.served_as == name) {
        Some(asset) => {
            let headers = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
            (headers, asset.text.as_str()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_asset_reaches_out_or_makes_code_of_text() {
        for asset in ASSETS.iter().filter(|asset| asset.kind == SCRIPT) {
            for word in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"]
            {
                assert!(!asset.text.contains(word), "{}: {word}", asset.name);
            }
            let imports = asset.text.lines().filter(|line| line.starts_with("import"));
            for import in imports {
                assert!(
                    ASSETS.iter().any(|other| import.contains(&format!("\"./{}\"", other.served_as))),
                    "{}: {import}",
                    asset.name
                );
            }
        }
    }
}
