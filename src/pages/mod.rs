//! The pages a browser is shown: one template engine, which escapes everything, and one content
//! security policy, which allows our own style sheet and nothing else.

mod operator;

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

pub use operator::{Action, Listed, Notice, board, login, notice};

/// The style sheet, in every page.
const STYLE: &str = include_str!("templates/style.css");

/// A page with its policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The document.
    pub html: String,
    /// The value of `Content-Security-Policy`.
    pub policy: String,
}

/// One thing to correct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The field, empty where it is the whole form.
    pub field: String,
    /// What to do.
    pub message: String,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    style: &'a str,
    title: &'a str,
    text: &'a str,
    corrections: &'a [Correction],
    back: bool,
}

/// Says thanks.
pub fn thanks() -> Page {
    render(&MessagePage {
        style: STYLE,
        title: "Thank you",
        text: "Your message has been received. You can close this page.",
        corrections: &[],
        back: false,
    })
}

/// Asks for corrections.
pub fn correction(corrections: &[Correction]) -> Page {
    render(&MessagePage {
        style: STYLE,
        title: "Please check what you filled in",
        text: "Nothing has been sent yet.",
        corrections,
        back: true,
    })
}

/// Says that it did not work and is not the visitor's fault.
pub fn trouble(title: &str, text: &str) -> Page {
    render(&MessagePage {
        style: STYLE,
        title,
        text,
        corrections: &[],
        back: true,
    })
}

fn render(message: &MessagePage<'_>) -> Page {
    page(message.render(), "'none'")
}

/// A rendered document with the policy it is to be shown under. `form_action` is where its forms may
/// lead.
fn page(html: Result<String, askama::Error>, form_action: &str) -> Page {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    Page {
        // Rendering into memory fails only if a value's `Display` does, and texts' do not.
        html: html.unwrap_or_default(),
        policy: format!(
            "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; \
             form-action {form_action}; frame-ancestors 'none'"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_visitor_sent_is_escaped() {
        let field = "<script>alert(1)</script>".to_owned();
        let page = correction(&[Correction {
            field,
            message: "x".to_owned(),
        }]);
        assert!(!page.html.contains("<script"));
        assert!(page.html.contains("&#60;script&#62;"));
    }

    #[test]
    fn the_policy_allows_the_style_that_is_in_the_page_and_nothing_else() {
        let page = thanks();
        let (_, rest) = page.html.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let digest = STANDARD.encode(Sha256::digest(style));
        assert!(
            page.policy
                .contains(&format!("style-src 'sha256-{digest}';"))
        );
        assert!(page.policy.starts_with("default-src 'none';"));
    }
}
