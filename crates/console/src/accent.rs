//! The operator's colour, as a style sheet of its own: pages have no style in them. The sheet is a function of the
//! colour alone. Where a colour could not be read it is made darker, or lighter in the dark, until it can (WCAG AA).

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

/// The least contrast of text (WCAG 2.2, 1.4.3).
const CONTRAST: f64 = 4.5;
/// How much of the colour is in a ground that is tinted with it.
const SOFT: (f64, f64) = (0.1, 0.16);
const WHITE: Color = Color([255, 255, 255]);
const BLACK: Color = Color([0, 0, 0]);
/// The grounds that links stand on, in the light and in the dark: `style.css`.
const LIGHT: [Color; 3] = [WHITE, Color([0xf6, 0xf7, 0xf9]), Color([0xf0, 0xf2, 0xf5])];
const DARK: [Color; 3] = [Color([0x16, 0x1b, 0x22]), Color([0x0e, 0x12, 0x17]), Color([0x1d, 0x23, 0x2c])];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Color([u8; 3]);

impl Color {
    /// `rrggbb`.
    fn parse(digits: &str) -> Option<Self> {
        let all = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let part = |at: usize| digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
        if !all {
            return None;
        }
        Some(Self([part(0)?, part(2)?, part(4)?]))
    }

    fn mixed(self, other: Self, share: f64) -> Self {
        let mix = |at: usize| f64::from(self.0[at]) * (1.0 - share) + f64::from(other.0[at]) * share;
        Self([0, 1, 2].map(|at| mix(at).round() as u8))
    }

    /// How light it is (WCAG 2.2, relative luminance).
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn text(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

/// A colour for text on these grounds, the ground tinted with it, and what is read on it.
fn theme(color: Color, grounds: &[Color], towards: Color, share: f64) -> [Color; 3] {
    let at = |step: u32| {
        let text = color.mixed(towards, f64::from(step) / 50.0);
        let soft = grounds[0].mixed(text, share);
        let on = if text.contrast(WHITE) >= text.contrast(BLACK) { WHITE } else { BLACK };
        [text, soft, on]
    };
    let is_read = |[text, soft, on]: &[Color; 3]| {
        grounds.iter().chain([soft, on]).all(|ground| text.contrast(*ground) >= CONTRAST)
    };
    (0..50).map(at).find(is_read).unwrap_or_else(|| at(50))
}

fn sheet(color: Color) -> String {
    let rules = |[text, soft, on]: [Color; 3]| {
        format!(":root{{--accent:{};--accent-soft:{};--on-accent:{}}}", text.text(), soft.text(), on.text())
    };
    let light = rules(theme(color, &LIGHT, BLACK, SOFT.0));
    let dark = rules(theme(color, &DARK, WHITE, SOFT.1));
    format!("{light}\n@media screen and (prefers-color-scheme:dark){{{dark}}}\n")
}

/// Where the sheet of a colour, `#rrggbb`, is served.
pub(crate) fn path(color: &str) -> String {
    format!("/console/assets/accent/{}.css", color.trim_start_matches('#').to_ascii_lowercase())
}

/// Serves a sheet.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    match name.strip_suffix(".css").and_then(Color::parse) {
        Some(color) => {
            let headers =
                [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
            (headers, sheet(color)).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_can_be_read_in_the_light_and_in_the_dark() {
        for red in (0..=255).step_by(51) {
            for green in (0..=255).step_by(51) {
                for blue in (0..=255).step_by(51) {
                    let color = Color([red, green, blue]);
                    for (grounds, towards, share) in [(&LIGHT, BLACK, SOFT.0), (&DARK, WHITE, SOFT.1)] {
                        let [text, soft, on] = theme(color, grounds, towards, share);
                        for ground in grounds.iter().chain([&soft, &on]) {
                            assert!(text.contrast(*ground) >= CONTRAST, "{color:?} on {ground:?}: {text:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_colour_that_can_be_read_stays_as_it_is_and_text_is_no_colour() {
        assert!(sheet(Color([0x24, 0x50, 0xc4])).starts_with(":root{--accent:#2450c4;"));
        for bad in ["", "2450c", "2450c4;", "+1+2+3", "2450cg", "ééé"] {
            assert_eq!(Color::parse(bad), None, "{bad}");
        }
    }
}
