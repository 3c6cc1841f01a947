//! Words, spaces and line ends, written down only when a word follows: so nothing is doubled,
//! and nothing stands at the end.

use crate::limits::TEXT_LIST_DEPTH;

/// Addresses that mean something outside the page they stand in and that a reader may want.
const SCHEMES: [&str; 4] = ["https://", "http://", "mailto:", "tel:"];

/// A text as far as it has been laid out.
#[derive(Debug, Default)]
pub(super) struct Layout {
    out: String,
    /// Line ends before the next word, two at most.
    line_ends: usize,
    space: bool,
    /// A cell has ended: the next word, if it is on this line, is in another.
    tab: bool,
    /// What stands before the first word of an item.
    mark: Option<String>,
    /// The open lists with the number of the last item, and those too deep to be told apart.
    lists: Vec<Option<u32>>,
    deeper_lists: usize,
    preformatted: usize,
    link: Option<Link>,
}

/// An open link.
#[derive(Debug)]
struct Link {
    address: String,
    /// Where in the text it begins.
    start: usize,
}

impl Layout {
    /// Words and the white space between them.
    pub(super) fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\n' if self.preformatted > 0 => self.line_break(),
                ' ' | '\t' if self.preformatted > 0 => self.write(c),
                // A space that must not be broken is a space where lines are not broken at all.
                ' ' | '\t' | '\n' | '\r' | '\u{c}' | '\u{a0}' => self.space = true,
                c => self.write(c),
            }
        }
    }

    /// A line ends here; a second time makes a blank line, and no more than one.
    pub(super) fn line_break(&mut self) {
        self.block(self.line_ends.saturating_add(1).min(2));
    }

    /// What follows is `line_ends` away from what came before.
    pub(super) fn block(&mut self, line_ends: usize) {
        self.line_ends = self.line_ends.max(line_ends);
        (self.space, self.tab) = (false, false);
    }

    pub(super) fn preformatted(&mut self) {
        self.block(2);
        self.preformatted = self.preformatted.saturating_add(1);
    }

    pub(super) fn preformatted_end(&mut self) {
        self.block(2);
        self.preformatted = self.preformatted.saturating_sub(1);
    }

    /// A list in a list has no blank lines around it.
    pub(super) fn list(&mut self, ordered: bool) {
        self.block(if self.lists.is_empty() { 2 } else { 1 });
        if self.lists.len() < TEXT_LIST_DEPTH {
            self.lists.push(ordered.then_some(0));
        } else {
            self.deeper_lists = self.deeper_lists.saturating_add(1);
        }
    }

    pub(super) fn list_end(&mut self) {
        if self.deeper_lists > 0 {
            self.deeper_lists = self.deeper_lists.saturating_sub(1);
        } else {
            self.lists.pop();
        }
        self.mark = None;
        self.block(if self.lists.is_empty() { 2 } else { 1 });
    }

    pub(super) fn item(&mut self) {
        self.block(1);
        let mut mark = "  ".repeat(self.lists.len().saturating_sub(1));
        match self.lists.last_mut() {
            Some(Some(number)) => {
                *number = number.saturating_add(1);
                mark.push_str(&format!("{number}. "));
            }
            _ => mark.push_str("- "),
        }
        self.mark = Some(mark);
    }

    /// An item without a word leaves no mark behind.
    pub(super) fn item_end(&mut self) {
        self.mark = None;
        self.block(1);
    }

    pub(super) fn cell_end(&mut self) {
        self.tab = true;
    }

    /// A link begins. Links do not nest: the one before it has ended.
    pub(super) fn link(&mut self, href: Option<&str>) {
        self.link_end();
        self.link = href.and_then(worth_telling).map(|address| Link {
            address,
            start: self.out.len(),
        });
    }

    /// A link ends: its address follows its words, in the brackets of RFC 3986 Appendix C, unless
    /// they are the address.
    pub(super) fn link_end(&mut self) {
        let Some(link) = self.link.take() else { return };
        let words = self.out.get(link.start..).unwrap_or_default().trim();
        if words.is_empty() {
            self.begin_word();
        } else if says(words, &link.address) {
            return;
        } else {
            self.out.push(' ');
        }
        self.out.push('<');
        self.out.push_str(&link.address);
        self.out.push('>');
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        self.link_end();
        self.trim_end();
        self.out
    }

    fn write(&mut self, c: char) {
        self.begin_word();
        self.out.push(c);
    }

    /// Writes what stands between the last word and the next.
    fn begin_word(&mut self) {
        if self.line_ends > 0 {
            self.trim_end();
        }
        if self.out.is_empty() {
            (self.line_ends, self.space, self.tab) = (0, false, false);
        }
        for _ in 0..std::mem::take(&mut self.line_ends) {
            self.out.push('\n');
        }
        let (space, tab) = (
            std::mem::take(&mut self.space),
            std::mem::take(&mut self.tab),
        );
        if let Some(mark) = self.mark.take() {
            self.out.push_str(&mark);
        } else if self.out.ends_with('\n') {
            // A line begins with a word.
        } else if tab {
            self.out.push('\t');
        } else if space {
            self.out.push(' ');
        }
    }

    fn trim_end(&mut self) {
        let words = self.out.trim_end_matches([' ', '\t']).len();
        self.out.truncate(words);
    }
}

/// The address as a reader would use it, if it is of any use outside the page. Browsers drop the
/// line ends and tabs in it, and the white space around it.
fn worth_telling(href: &str) -> Option<String> {
    let address = href.replace(['\n', '\r', '\t'], "");
    let address = address.trim();
    let known = SCHEMES.into_iter().find(|scheme| {
        let head = address.get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    });
    let scheme = known?;
    let after = address.get(scheme.len()..).unwrap_or_default();
    if after.is_empty() {
        return None;
    }
    // Nobody writes to `mailto:`.
    Some(match scheme {
        "mailto:" | "tel:" => after.to_owned(),
        _ => address.to_owned(),
    })
}

/// Whether the words of a link are its address, give or take what people leave out.
fn says(words: &str, address: &str) -> bool {
    let bare = |text: &str| {
        let text = text
            .strip_prefix("https://")
            .or(text.strip_prefix("http://"));
        text.map(|text| text.trim_end_matches('/').to_owned())
    };
    let short = bare(address).unwrap_or_else(|| address.to_owned());
    words == address
        || bare(words)
            .as_deref()
            .unwrap_or(words.trim_end_matches('/'))
            == short
}
