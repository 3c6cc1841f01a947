//! `GET /emails`: a caller's own messages, newest first, a page at a time.
//!
//! Every mailbox's Outbox gives a page of its own, and the pages are merged: identifiers sort by time,
//! wherever they were made, so any of them is a place in the whole list.

use futures_util::future::join_all;
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
    limits::{LIST_OCTETS, LIST_PAGE, LIST_PAGE_DEFAULT},
    outbox::EmailId,
};

/// Which messages are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Whose.
    pub key: String,
    /// From where on.
    pub from: Cursor,
    /// How many at most.
    pub limit: usize,
}

/// Some of them, in the order in which they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Each with its identifier.
    pub items: Vec<(EmailId, Value)>,
    /// Whether there are more behind the last.
    pub more: bool,
}

impl Listing {
    /// What one Outbox has of it.
    pub(super) fn page(&self, store: &impl OutboxStore) -> Result<Page, StoreFault> {
        let mut page = Page::default();
        let mut octets = 0_usize;
        store.listed(&self.key, self.from, &mut |job, card| {
            page.more = page.items.len() >= self.limit || octets >= LIST_OCTETS;
            if !page.more {
                octets = octets.saturating_add(card.stored_octets());
                page.items.push((job.id, email::item(card, job)));
            }
            !page.more
        })?;
        Ok(page)
    }
}

impl Page {
    /// One page of several. Behind the end of a page that has more, nobody knows which message is the
    /// next, so the whole ends there at the latest.
    fn merged(pages: Vec<Self>, from: Cursor, limit: usize) -> Self {
        let newer = matches!(from, Cursor::NewerThan(_));
        let order = |one: EmailId, other: EmailId| {
            if newer {
                one.cmp(&other)
            } else {
                other.cmp(&one)
            }
        };
        let ends = pages.iter().filter(|page| page.more);
        let ends = ends.filter_map(|page| page.items.last());
        let end = ends
            .map(|(id, _)| *id)
            .min_by(|one, other| order(*one, *other));
        let mut items: Vec<_> = pages.into_iter().flat_map(|page| page.items).collect();
        items.sort_by(|(one, _), (other, _)| order(*one, *other));
        let all = items.len();
        items.retain(|(id, _)| end.is_none_or(|end| order(*id, end).is_le()));
        items.truncate(limit);
        Self {
            more: end.is_some() || items.len() < all,
            items,
        }
    }
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
        let Asked {
            from,
            limit,
            ignored,
        } = Asked::read(&request.query)?;
        let mailboxes = caller.kept_in(self.config);
        let question = OutboxQuestion::List(Listing {
            key: caller.name,
            from,
            limit,
        });
        let asked = mailboxes
            .iter()
            .map(|name| self.outboxes.ask(name, &question));
        let mut pages = Vec::new();
        for answer in join_all(asked).await {
            // A list with a hole in it would be taken for all there is.
            let Ok(OutboxAnswer::Page(page)) = answer else {
                return Err(ApiError::unanswered());
            };
            pages.push(page);
        }
        let Page { mut items, more } = Page::merged(pages, from, limit);
        items.sort_by(|(one, _), (other, _)| other.cmp(one));
        let data: Vec<_> = items.into_iter().map(|(_, item)| item).collect();
        let list = json!({ "object": "list", "has_more": more, "data": data });
        Ok(emails::naming(
            Response::json(200, &list),
            &ignored.join(", "),
        ))
    }
}

/// What a query asks for.
struct Asked {
    from: Cursor,
    limit: usize,
    /// Parameters that nobody knows.
    ignored: Vec<String>,
}

impl Asked {
    fn read(query: &str) -> Result<Self, ApiError> {
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
            if place.replace(value.into_owned()).is_some() {
                return Err(ApiError::invalid(&name, "it is there twice"));
            }
        }
        let limit = match limit {
            None => LIST_PAGE_DEFAULT,
            Some(limit) => {
                let limit = limit.parse().ok();
                limit
                    .filter(|limit| (1..=LIST_PAGE).contains(limit))
                    .ok_or_else(|| {
                        let what = format_args!("it must be a number from 1 to {LIST_PAGE}");
                        ApiError::invalid("limit", what)
                    })?
            }
        };
        let id = |field: &str, text: String| {
            let id = text.parse::<EmailId>();
            id.map_err(|error| ApiError::invalid(field, error))
        };
        let from = match (after, before) {
            (None, None) => Cursor::Newest,
            (Some(after), None) => Cursor::OlderThan(id("after", after)?),
            (None, Some(before)) => Cursor::NewerThan(id("before", before)?),
            (Some(_), Some(_)) => {
                let what = "it cannot stand beside `after`";
                return Err(ApiError::invalid("before", what));
            }
        };
        Ok(Self {
            from,
            limit,
            ignored,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{outbox::OutboxTag, time::UnixMillis};

    fn id(at: u64) -> EmailId {
        EmailId::new(UnixMillis::new(at), 0, OutboxTag::of("x"))
    }

    fn page(times: &[u64], more: bool) -> Page {
        Page {
            items: times.iter().map(|at| (id(*at), json!(at))).collect(),
            more,
        }
    }

    fn merged(pages: Vec<Page>, from: Cursor, limit: usize) -> (Vec<u64>, bool) {
        let page = Page::merged(pages, from, limit);
        let times = page.items.iter().map(|(_, at)| at.as_u64().unwrap());
        (times.collect(), page.more)
    }

    #[test]
    fn pages_are_merged_by_time_whichever_way_they_go() {
        let older = || {
            vec![
                page(&[9, 6, 3], false),
                page(&[8, 7, 1], false),
                page(&[], false),
            ]
        };
        assert_eq!(
            merged(older(), Cursor::Newest, 9),
            (vec![9, 8, 7, 6, 3, 1], false)
        );
        assert!(!merged(older(), Cursor::OlderThan(id(10)), 6).1);
        assert_eq!(merged(older(), Cursor::Newest, 4), (vec![9, 8, 7, 6], true));
        let newer = || vec![page(&[3, 6, 9], false), page(&[1, 7, 8], false)];
        let from = Cursor::NewerThan(id(0));
        assert_eq!(merged(newer(), from, 3), (vec![1, 3, 6], true));
        assert_eq!(merged(vec![], Cursor::Newest, 3), (vec![], false));
    }

    #[test]
    fn nothing_is_told_of_what_lies_behind_the_end_of_a_page() {
        // The second has something between 7 and 3, for all we know.
        let pages = || vec![page(&[9, 3, 2], false), page(&[8, 7], true)];
        assert_eq!(merged(pages(), Cursor::Newest, 9), (vec![9, 8, 7], true));
        assert_eq!(merged(pages(), Cursor::Newest, 2), (vec![9, 8], true));
        let pages = vec![page(&[1, 5], true), page(&[2, 3, 9], true)];
        assert_eq!(
            merged(pages, Cursor::NewerThan(id(0)), 9),
            (vec![1, 2, 3, 5], true)
        );
        // All of it, and there is more.
        assert_eq!(
            merged(vec![page(&[9], true)], Cursor::Newest, 1),
            (vec![9], true)
        );
    }
}
