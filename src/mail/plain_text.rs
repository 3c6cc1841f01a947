//! Text made from HTML, for readers that show none.
//!
//! What is laid out follows `innerText`
//! (<https://html.spec.whatwg.org/multipage/dom.html#the-innertext-idl-attribute>): blocks stand on
//! lines of their own, paragraphs have a blank line between them, cells a tab. Beyond it, list items
//! get a mark, pictures their `alt`, and links keep their address, which a reader of text could
//! not see otherwise.
//!
//! The markup is taken apart here and not by a library, because those there are either weigh a tenth
//! of the Worker or need time in the square of what they are given. A test holds us against one that
//! follows the standard to the letter.

mod entities;
mod layout;
mod markup;
mod reference;
mod tag;

use self::{
    layout::Layout,
    markup::{Markup, Token},
    reference::{Place, decode},
    tag::Tag,
};
use super::BodyText;

impl BodyText {
    /// The words of `html` as a person would read them, in time that grows with its length and no
    /// faster.
    #[must_use]
    pub fn from_html(html: &Self) -> Self {
        let mut layout = Layout::default();
        for token in Markup(html.as_str()) {
            match token {
                Token::Text(text) => layout.text(&decode(text, Place::Content)),
                Token::Start { tag, href, alt } => open(&mut layout, tag, href, alt),
                Token::End(tag) => close(&mut layout, tag),
            }
        }
        // No NUL comes in, and `&#0;` is read as U+FFFD.
        Self::try_from(layout.finish()).unwrap_or_default()
    }
}

fn open(layout: &mut Layout, tag: Tag, href: Option<&str>, alt: Option<&str>) {
    let decoded = |value| decode(value, Place::Attribute);
    match tag {
        Tag::Break => layout.line_break(),
        Tag::Block => layout.block(1),
        Tag::Paragraph => layout.block(2),
        Tag::Preformatted => layout.preformatted(),
        Tag::List { ordered } => layout.list(ordered),
        Tag::Item => layout.item(),
        Tag::Link => layout.link(href.map(decoded).as_deref()),
        Tag::Picture => layout.text(&alt.map(decoded).unwrap_or_default()),
        Tag::Cell | Tag::Hidden(_) | Tag::Inline => {}
    }
}

fn close(layout: &mut Layout, tag: Tag) {
    match tag {
        // Browsers read `</br>` as `<br>`.
        Tag::Break => layout.line_break(),
        Tag::Block => layout.block(1),
        Tag::Paragraph => layout.block(2),
        Tag::Preformatted => layout.preformatted_end(),
        Tag::List { .. } => layout.list_end(),
        Tag::Item => layout.item_end(),
        Tag::Link => layout.link_end(),
        Tag::Cell => layout.cell_end(),
        Tag::Picture | Tag::Hidden(_) | Tag::Inline => {}
    }
}

#[cfg(test)]
mod tests;
