//! What a tag means to a reader of text.

/// What a tag means, its name apart.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// `br`.
    Break,
    /// Stands on lines of its own.
    Block,
    /// Has a blank line before and after it.
    Paragraph,
    /// White space in it is meant.
    Preformatted,
    /// A list, numbered or not.
    List { ordered: bool },
    /// An item of a list.
    Item,
    /// A cell of a table.
    Cell,
    /// `a`.
    Link,
    /// `img`.
    Picture,
    /// What is in it is not for reading.
    Hidden(&'static str),
    /// Means nothing to the layout.
    #[default]
    Inline,
}

/// Elements whose content no reader sees, or, like `noscript`, sees instead of something that
/// would be here twice.
const HIDDEN: [&str; 8] = [
    "iframe", "noembed", "noframes", "noscript", "script", "style", "template", "title",
];

impl Tag {
    /// The meaning of the tag `name`, in lower case.
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"br" => Self::Break,
            b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"blockquote" | b"table"
            | b"hr" | b"dl" | b"figure" => Self::Paragraph,
            b"address" | b"article" | b"aside" | b"body" | b"caption" | b"center" | b"dd"
            | b"details" | b"dialog" | b"div" | b"dt" | b"fieldset" | b"figcaption" | b"footer"
            | b"form" | b"header" | b"html" | b"legend" | b"main" | b"nav" | b"option"
            | b"section" | b"summary" | b"textarea" | b"tbody" | b"tfoot" | b"thead" | b"tr" => {
                Self::Block
            }
            b"pre" | b"listing" | b"plaintext" | b"xmp" => Self::Preformatted,
            b"ul" | b"menu" | b"dir" => Self::List { ordered: false },
            b"ol" => Self::List { ordered: true },
            b"li" => Self::Item,
            b"td" | b"th" => Self::Cell,
            b"a" => Self::Link,
            b"img" => Self::Picture,
            _ => HIDDEN
                .into_iter()
                .find(|hidden| hidden.as_bytes() == name)
                .map_or(Self::Inline, Self::Hidden),
        }
    }
}
