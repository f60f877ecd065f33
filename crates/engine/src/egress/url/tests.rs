//! Which texts are URLs, and what is kept of them.

use proptest::prelude::*;

use super::*;

fn normalised(text: &str) -> String {
    TargetUrl::parse(text).map(|url| url.as_str().to_owned()).unwrap()
}

#[test]
fn scheme_and_host_are_normalised_and_the_rest_is_kept() {
    for (given, stored) in [
        ("HTTPS://Example.COM", "https://example.com/"),
        (
            "https://example.com.:443/a//b/?x=%7e&y={{message.id}}&z=%d",
            "https://example.com/a//b/?x=%7e&y={{message.id}}&z=%d",
        ),
        ("http://example.com:80?q", "http://example.com/?q"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("https://bücher.example/%C3%BC", "https://xn--bcher-kva.example/%C3%BC"),
        ("http://0x7f.1:8071/", "http://127.0.0.1:8071/"),
        ("http://[0:0::1]/", "http://[::1]/"),
    ] {
        assert_eq!(normalised(given), stored);
    }
}

#[test]
fn places_for_values_are_kept_in_path_and_query_and_refused_before_them() {
    for url in ["https://a.example/{{message.id}}/{mobile}?x={{a.b}}&d=%d&m={mobile}", "https://a.example/?{{x}}"] {
        assert_eq!(normalised(url), url);
    }
    for url in
        ["https://{{host}}/", "https://a.{x}.example/", "https://a.example:{{port}}/", "https://{{u}}:p@a.example/"]
    {
        assert_eq!(TargetUrl::parse(url).unwrap_err(), UrlError::Placeholder, "{url}");
    }
    let said = TargetUrl::parse("https://{{host}}/").unwrap_err().to_string();
    assert!(said.contains("`{{path}}`"), "{said}");
}

#[test]
fn userinfo_becomes_credentials_and_leaves_the_url() {
    let url = TargetUrl::parse("https://al%40ice:p%3Ass@example.com/x#top").unwrap();
    let credentials = url.credentials().unwrap();
    assert_eq!((credentials.username.as_str(), credentials.password.reveal()), ("al@ice", "p:ss"));
    assert_eq!(url.as_str(), "https://example.com/x");
    assert_eq!(url.warnings(), [UrlWarning::UserinfoMoved, UrlWarning::FragmentRemoved]);
    assert!(!format!("{url:?}").contains("ss"));
}

#[test]
fn userinfo_that_two_readers_could_read_differently_is_refused() {
    for text in [
        "https://@h.example/",
        "https://a@b@h.example/",
        "https://a%zz@h.example/",
        "https://a%3Ab:c@h.example/",
        "https://a%0d%0ab@h.example/",
    ] {
        assert_eq!(TargetUrl::parse(text).unwrap_err(), UrlError::Userinfo, "{text}");
    }
}

#[test]
fn a_refused_character_comes_with_how_to_write_it() {
    let text = TargetUrl::parse("https://example.com/a b").unwrap_err().to_string();
    assert_eq!(text, "the character ' ' cannot stand in a URL: write it as %20");
    let text = TargetUrl::parse("https://example.com/ü").unwrap_err().to_string();
    assert_eq!(text, "`ü` cannot stand in a URL: write it as %C3%BC");
}

#[test]
fn texts_that_readers_of_urls_disagree_about_are_refused() {
    for text in [
        "",
        "example.com",
        "//example.com/",
        "http:example.com",
        "http:///example.com/",
        "http://:80/",
        "http:\\\\example.com\\",
        "http://127.0.0.1\\@example.com/",
        "http://example.com\\@127.0.0.1/",
        " http://example.com/",
        "http://example.com /",
        "http://exa\tmple.com/",
        "http://example.com/\n",
        "http://example.com/\0",
        "http://example.com%00/",
        "http://a%0d%0a.example/",
        "http://[::1%25lo]/",
        "http://[127.0.0.1]/",
        "http://[example.com]/",
        "http://example.com:/",
        "http://example.com:0/",
        "http://example.com:080/",
        "http://example.com:65536/",
        "http://example.com:80:80/",
        "http://example.com:+80/",
        "http://ok..example/",
        "http://.example/",
        "http://ok.example../",
        "http://{host}.example/",
        "http://xn--a/",
        "https://example.com/a/../b",
        "https://example.com/%2e%2E/b",
        "https://example.com/.",
        "ws://example.com/",
        "data://x/",
    ] {
        assert!(TargetUrl::parse(text).is_err(), "{text:?}");
    }
    let long = format!("https://{}.example/", "a".repeat(64));
    assert!(TargetUrl::parse(&long).is_err());
    assert!(TargetUrl::parse(&format!("https://example.com/{}", "a".repeat(2_029))).is_err());
    assert!(TargetUrl::parse(&format!("https://example.com/{}", "a".repeat(2_028))).is_ok());
}

proptest! {
    #[test]
    fn what_is_stored_is_read_back_the_same(host in "[a-z0-9-]{1,20}(\\.[a-z]{2,8}){1,2}\\.?", port in proptest::option::of(1u16..), rest in "(/[!-~]{0,12}){0,3}(\\?[!-~]{0,12})?(#[!-~]{0,5})?") {
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        if let Ok(url) = TargetUrl::parse(&format!("https://{host}{port}{rest}")) {
            let again = TargetUrl::parse(url.as_str()).unwrap();
            prop_assert_eq!(again.as_str(), url.as_str());
            prop_assert_eq!(again.origin(), url.origin());
            prop_assert!(again.warnings().is_empty());
            let kept = rest.split('#').next().unwrap();
            prop_assert!(url.as_str().ends_with(kept));
        }
    }

    #[test]
    fn no_text_panics_and_none_that_is_read_holds_what_ends_a_request_line(text in "(https?://)?\\PC{0,60}") {
        if let Ok(url) = TargetUrl::parse(&text) {
            prop_assert!(url.as_str().bytes().all(|b| b.is_ascii_graphic()));
        }
    }

    #[test]
    fn every_spelling_of_an_ipv4_address_is_that_address(bits: u32, form in 0usize..11) {
        let [a, b, c, d] = bits.to_be_bytes();
        let low = bits & 0xff_ffff;
        let spelling = match form {
            0 => format!("{bits}"),
            1 => format!("0x{bits:x}"),
            2 => format!("0X{bits:X}"),
            3 => format!("0{bits:o}"),
            4 => format!("{a}.{low}"),
            5 => format!("0x{a:x}.{low:#x}"),
            6 => format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
            7 => format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
            8 => format!("{a}.{b}.{}", u16::from_be_bytes([c, d])),
            9 => format!("{a}.{b}.{c}.{d}."),
            _ => format!("{a}。{b}．{c}｡{d}"),
        };
        let url = TargetUrl::parse(&format!("http://{spelling}/")).unwrap();
        prop_assert_eq!(url.host(), &Host::Address(std::net::Ipv4Addr::from(bits).into()));
    }
}
