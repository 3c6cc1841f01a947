//! `GET /emails`: a caller's own messages, newest first, a page at a time.
//!
//! Every mailbox's Outbox gives a page of its own, and the pages are merged: identifiers sort by time,
//! wherever they were made, so any of them is a place in the whole list.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    door::{Door, Outboxes},
    email, emails,
    http::{Request, Response},
    ports::{Cursor, OutboxStore, StoreFault},
    question::{OutboxAnswer, OutboxQuestion},
};
use crate::{
    api::ApiError,
    config::Caller,
    limits::{LIST_OCTETS, LIST_PAGE, LIST_PAGE_DEFAULT},
    outbox::EmailId,
};

/// Which messages are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Whose.
    pub key: String,
    /// How many at most.
    pub limit: usize,
    /// Those that are older than this one, the newest first.
    pub older_than: Option<EmailId>,
    /// Those that are newer than this one, the oldest first.
    pub newer_than: Option<EmailId>,
}

/// Some of them, in the order in which they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Each as the caller is shown it.
    pub items: Vec<Value>,
    /// Whether there are more behind the last.
    pub more: bool,
}

impl Listing {
    /// What one Outbox has of it.
    pub(super) fn page(&self, store: &impl OutboxStore) -> Result<Page, StoreFault> {
        let from = match (self.older_than, self.newer_than) {
            (_, Some(id)) => Cursor::NewerThan(id),
            (Some(id), None) => Cursor::OlderThan(id),
            (None, None) => Cursor::Newest,
        };
        let mut page = Page::default();
        let mut octets = 0_usize;
        store.listed(&self.key, from, &mut |job, card| {
            page.more = page.items.len() >= self.limit || octets >= LIST_OCTETS;
            if !page.more {
                octets = octets.saturating_add(card.stored_octets());
                page.items.push(email::item(card, job));
            }
            !page.more
        })?;
        Ok(page)
    }

    /// One page of several. Behind the end of a page that has more, nobody knows which message is the
    /// next, so the whole ends there at the latest.
    fn merged(&self, pages: Vec<Page>) -> Page {
        // Whether one identifier comes before another; as texts they sort as they do as numbers.
        let before = |one: &str, other: &str| {
            if self.newer_than.is_some() {
                one < other
            } else {
                one > other
            }
        };
        let mut pages: Vec<_> = pages
            .into_iter()
            .map(|page| (page.items.into_iter().peekable(), page.more))
            .collect();
        let mut whole = Page::default();
        loop {
            // The page whose next message is the first of all.
            let mut first: Option<(String, usize)> = None;
            for (index, (items, more)) in pages.iter_mut().enumerate() {
                let Some(item) = items.peek() else {
                    whole.more |= *more;
                    continue;
                };
                let id = id_of(item);
                if first.as_ref().is_none_or(|(first, _)| before(id, first)) {
                    first = Some((id.to_owned(), index));
                }
            }
            let Some((_, index)) = first else { break };
            whole.more |= whole.items.len() >= self.limit;
            if whole.more {
                break;
            }
            let next = pages.get_mut(index).and_then(|(items, _)| items.next());
            whole.items.extend(next);
        }
        whole
    }
}

fn id_of(item: &Value) -> &str {
    item.get("id").and_then(Value::as_str).unwrap_or_default()
}

impl<O: Outboxes> Door<'_, O> {
    pub(super) async fn list_emails(&self, request: &Request) -> Response {
        match self.try_list(request).await {
            Ok(response) => response,
            Err(error) => emails::error(&error),
        }
    }

    async fn try_list(&self, request: &Request) -> Result<Response, ApiError> {
        let caller = self.authenticate_reader(request)?;
        let (listing, ignored) = read(&request.query, &caller)?;
        let question = OutboxQuestion::List(listing.clone());
        let mut pages = Vec::new();
        for mailbox in caller.kept_in(self.config) {
            // A list with a hole in it would be taken for all there is.
            let Ok(OutboxAnswer::Page(page)) = self.outboxes.ask(mailbox, &question).await else {
                return Err(ApiError::unanswered());
            };
            pages.push(page);
        }
        let Page { mut items, more } = listing.merged(pages);
        if listing.newer_than.is_some() {
            items.reverse();
        }
        let list = json!({ "object": "list", "has_more": more, "data": items });
        Ok(emails::naming(Response::json(200, &list), &ignored))
    }
}

/// What a query asks for, and the parameters that nobody knows.
fn read(query: &str, caller: &Caller) -> Result<(Listing, String), ApiError> {
    let (mut limit, mut after, mut before) = (None, None, None);
    let mut ignored = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let place = match &*name {
            "limit" => &mut limit,
            "after" => &mut after,
            "before" => &mut before,
            _ => {
                ignored.push(name.into_owned());
                continue;
            }
        };
        if place.replace(value).is_some() {
            return Err(ApiError::invalid(&name, "it is there twice"));
        }
    }
    let limit = match limit {
        None => LIST_PAGE_DEFAULT,
        Some(limit) => limit
            .parse()
            .ok()
            .filter(|limit| (1..=LIST_PAGE).contains(limit))
            .ok_or_else(|| {
                let what = format_args!("it must be a number from 1 to {LIST_PAGE}");
                ApiError::invalid("limit", what)
            })?,
    };
    if after.is_some() && before.is_some() {
        let what = "it cannot stand beside `after`";
        return Err(ApiError::invalid("before", what));
    }
    let id = |field: &str, text: Option<Cow<'_, str>>| {
        let id = text.map(|text| text.parse::<EmailId>()).transpose();
        id.map_err(|error| ApiError::invalid(field, error))
    };
    let listing = Listing {
        key: caller.name.clone(),
        limit,
        older_than: id("after", after)?,
        newer_than: id("before", before)?,
    };
    Ok((listing, ignored.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{outbox::OutboxTag, time::UnixMillis};

    fn id(at: u64) -> EmailId {
        EmailId::new(UnixMillis::new(at), 0, OutboxTag::of("x"))
    }

    fn page(times: &[u64], more: bool) -> Page {
        let item = |at: &u64| json!({ "id": id(*at), "at": at });
        Page {
            items: times.iter().map(item).collect(),
            more,
        }
    }

    fn merged(pages: Vec<Page>, newer: bool, limit: usize) -> (Vec<u64>, bool) {
        let listing = Listing {
            key: String::new(),
            limit,
            older_than: None,
            newer_than: newer.then(|| id(0)),
        };
        let page = listing.merged(pages);
        let times = page.items.iter().map(|item| item["at"].as_u64().unwrap());
        (times.collect(), page.more)
    }

    #[test]
    fn pages_are_merged_by_time_whichever_way_they_go() {
        let pages = || {
            let others = [page(&[8, 7, 1], false), page(&[], false)];
            [vec![page(&[9, 6, 3], false)], others.to_vec()].concat()
        };
        let all = vec![9, 8, 7, 6, 3, 1];
        assert_eq!(merged(pages(), false, 9), (all.clone(), false));
        assert_eq!(merged(pages(), false, 6), (all, false));
        assert_eq!(merged(pages(), false, 4), (vec![9, 8, 7, 6], true));
        let pages = vec![page(&[3, 6, 9], false), page(&[1, 7, 8], false)];
        assert_eq!(merged(pages, true, 3), (vec![1, 3, 6], true));
        assert_eq!(merged(vec![], false, 3), (vec![], false));
    }

    #[test]
    fn nothing_is_told_of_what_lies_behind_the_end_of_a_page() {
        // The second has something between 7 and 3, for all we know.
        let pages = || vec![page(&[9, 3, 2], false), page(&[8, 7], true)];
        assert_eq!(merged(pages(), false, 9), (vec![9, 8, 7], true));
        assert_eq!(merged(pages(), false, 2), (vec![9, 8], true));
        let pages = vec![page(&[1, 5], true), page(&[2, 3, 9], true)];
        assert_eq!(merged(pages, true, 9), (vec![1, 2, 3, 5], true));
        // All of it, and there is more.
        let one = vec![page(&[9], true)];
        assert_eq!(merged(one, false, 1), (vec![9], true));
    }
}
