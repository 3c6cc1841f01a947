//! HTML taken apart, as the HTML standard's tokenizer does it
//! (<https://html.spec.whatwg.org/multipage/parsing.html#tokenization>), in one pass and without
//! copying. Left out are the states that no mail needs: scripts inside comments inside scripts, and
//! elements that show their markup.

use super::tag::Tag;

/// A piece of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Text, its character references not yet read.
    Text(&'a str),
    /// A start tag, with the attributes that matter.
    Start {
        tag: Tag,
        href: Option<&'a str>,
        alt: Option<&'a str>,
    },
    /// An end tag.
    End(Tag),
}

/// What is left of a document.
#[derive(Debug)]
pub(super) struct Markup<'a>(pub(super) &'a str);

/// The longest name that means something: `figcaption`, `blockquote`.
const LONGEST_NAME: usize = 10;

impl<'a> Iterator for Markup<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            if self.0.is_empty() {
                return None;
            }
            let Some(inside) = self.0.strip_prefix('<') else {
                let end = self.0.find('<').unwrap_or(self.0.len());
                return Some(Token::Text(self.take(end)));
            };
            let mut after = inside.chars();
            match (after.next(), after.next()) {
                (Some(c), _) if c.is_ascii_alphabetic() => {
                    self.0 = inside;
                    // A tag that never ends is dropped, with all that would be in it.
                    let tag = self.tag()?;
                    match tag {
                        Token::Start {
                            tag: Tag::Hidden(name),
                            ..
                        } => self.skip_content(name),
                        tag => return Some(tag),
                    }
                }
                (Some('/'), Some(c)) if c.is_ascii_alphabetic() => {
                    self.0 = inside.strip_prefix('/')?;
                    let Token::Start { tag, .. } = self.tag()? else {
                        return None;
                    };
                    return Some(Token::End(tag));
                }
                (Some('!'), _) if inside.starts_with("!--") => self.skip_comment(),
                (Some('!' | '?'), _) | (Some('/'), Some(_)) => {
                    self.0 = inside.split_once('>')?.1;
                }
                _ => return Some(Token::Text(self.take(1))),
            }
        }
    }
}

impl<'a> Markup<'a> {
    fn take(&mut self, octets: usize) -> &'a str {
        let (head, rest) = self.0.split_at_checked(octets).unwrap_or((self.0, ""));
        self.0 = rest;
        head
    }

    /// Up to the first of these characters, which stays, or all that is left.
    fn take_until(&mut self, is_end: impl Fn(char) -> bool) -> &'a str {
        self.take(self.0.find(is_end).unwrap_or(self.0.len()))
    }

    /// Whether the next character is `c`, which is then taken.
    fn skip(&mut self, c: char) -> bool {
        let rest = self.0.strip_prefix(c);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A tag from its name to behind its `>`, if it has one.
    fn tag(&mut self) -> Option<Token<'a>> {
        let tag = named(self.take_until(|c| is_space(c) || matches!(c, '/' | '>')));
        let (mut href, mut alt) = (None, None);
        loop {
            self.take_until(|c| !is_space(c) && c != '/');
            if self.skip('>') {
                return Some(Token::Start { tag, href, alt });
            }
            let (name, value) = self.attribute()?;
            // Of two of the same name the first counts.
            if name.eq_ignore_ascii_case("href") {
                href = href.or(Some(value));
            } else if name.eq_ignore_ascii_case("alt") {
                alt = alt.or(Some(value));
            }
        }
    }

    /// An attribute with its value, which may be empty; nothing at the end of the document.
    fn attribute(&mut self) -> Option<(&'a str, &'a str)> {
        // A name may begin with `=`, and is one character at least.
        let whole = self.0;
        let first = whole.chars().next()?;
        self.take(first.len_utf8());
        let rest = self.take_until(|c| is_space(c) || matches!(c, '/' | '>' | '='));
        let name = whole.get(..first.len_utf8().saturating_add(rest.len()))?;
        self.take_until(|c| !is_space(c));
        if !self.skip('=') {
            return Some((name, ""));
        }
        self.take_until(|c| !is_space(c));
        let value = if self.skip('"') {
            self.quoted('"')?
        } else if self.skip('\'') {
            self.quoted('\'')?
        } else {
            self.take_until(|c| is_space(c) || c == '>')
        };
        Some((name, value))
    }

    fn quoted(&mut self, quote: char) -> Option<&'a str> {
        let (value, rest) = self.0.split_once(quote)?;
        self.0 = rest;
        Some(value)
    }

    /// `<!-->` and `<!--->` are whole comments, `--!>` ends one as well.
    fn skip_comment(&mut self) {
        self.take("<!".len());
        let ends = ["-->", "--!>", "--->"];
        let mut rest = self.0;
        if let Some(after) = ends.iter().find_map(|end| match *end {
            "--!>" => None,
            end => rest.strip_prefix(end),
        }) {
            self.0 = after;
            return;
        }
        rest = rest.strip_prefix("--").unwrap_or(rest);
        while let Some((_, after)) = rest.split_once("--") {
            if let Some(after) = after.strip_prefix('>').or_else(|| after.strip_prefix("!>")) {
                self.0 = after;
                return;
            }
            // `--->` ends a comment too: only one of the two is behind us.
            rest = rest
                .get(rest.len().saturating_sub(after.len()).saturating_sub(1)..)
                .unwrap_or("");
        }
        self.0 = "";
    }

    /// What is in an element that nobody reads, up to and with its end tag.
    fn skip_content(&mut self, name: &str) {
        while let Some((_, after)) = self.0.split_once("</") {
            self.0 = after;
            let Some((found, rest)) = after.split_at_checked(name.len()) else {
                continue;
            };
            if found.eq_ignore_ascii_case(name)
                && rest.starts_with(|c| is_space(c) || matches!(c, '/' | '>'))
            {
                // An end tag that never ends takes everything along.
                if self.tag().is_none() {
                    self.0 = "";
                }
                return;
            }
        }
        self.0 = "";
    }
}

/// What the tag of this name means.
fn named(name: &str) -> Tag {
    if name.len() > LONGEST_NAME {
        return Tag::Inline;
    }
    Tag::of(name.to_ascii_lowercase().as_bytes())
}

fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{c}' | ' ')
}
