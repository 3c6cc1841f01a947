//! Text made from HTML, for readers that show none.

use super::BodyText;

impl BodyText {
    /// The words of `html`, by the mail library's own reader of HTML.
    #[must_use]
    pub fn from_html(html: &Self) -> Self {
        let text = mail_parser::decoders::html::html_to_text(html.as_str());
        // HTML can spell NUL as a character reference, and text cannot hold it.
        Self::try_from(text.replace('\0', "\u{fffd}")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        BodyText::from_html(&BodyText::try_from(html.to_owned()).unwrap()).into()
    }

    #[test]
    fn the_words_are_kept_and_the_markup_is_not() {
        let html = "<html><head><style>p{}</style></head><body><p>Hello &amp; welcome</p>\
                    <p>Second<br>line</p><script>alert(1)</script></body></html>";
        let text = text(html);
        assert!(text.contains("Hello & welcome"), "{text}");
        assert!(text.contains("Second\nline"), "{text}");
        assert!(
            !text.contains(['<', '{']) && !text.contains("alert"),
            "{text}"
        );
    }

    #[test]
    fn a12_nothing_in_it_is_slow_or_ends_it() {
        let image = format!(
            "<img src=\"data:image/png;base64,{}\">x",
            "A".repeat(1_000_000)
        );
        let links = "<a href=\"x\">y</a>".repeat(50_000);
        for html in [
            &image,
            &links,
            &"<".repeat(100_000),
            &"&".repeat(100_000),
            "&#0;<",
            "<!--",
        ] {
            text(html);
        }
    }
}
