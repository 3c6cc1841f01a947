//! The first wall: requests to the API are counted before anything else is done with them.
//!
//! An Outbox counts what its callers send (`meter.rs`). What never gets there, because its key or its
//! body is bad, is counted here, by a counter of the platform's that costs nothing
//! (<https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/>). It counts in each
//! of the platform's places for itself, so it keeps out floods and is no quota.

use core::net::{IpAddr, Ipv6Addr};

use super::{
    door::{Door, Outboxes},
    emails,
    http::{Request, Response},
    ports::RateLimiter,
};
use crate::{access::bearer, api::ApiError, config::Caller, limits::API_WALL_PERIOD};

/// The longest prefix of an IPv6 address that tells two customers apart: within it, everybody has
/// as many addresses as they like (RFC 6177 §2).
const CUSTOMER_PREFIX: Ipv6Addr = Ipv6Addr::new(0xffff, 0xffff, 0xffff, 0xffff, 0, 0, 0, 0);

impl<O: Outboxes> Door<'_, O> {
    /// The answer to a request that is one too many, before it is read. Forms are not counted: their
    /// visitors share addresses, and have rules of their own.
    pub async fn refuse(&self, request: &Request, wall: &impl RateLimiter) -> Option<Response> {
        let route = request.path.split('/').nth(1)?;
        if !emails::ROUTES.contains(&route) || wall.admits(&self.counted_as(request)).await {
            return None;
        }
        let seconds = API_WALL_PERIOD.as_secs().to_string();
        Some(emails::error(&ApiError::rate_limit_exceeded()).with("retry-after", seconds))
    }

    /// Whoever proves who they are is counted by name, wherever they call from. All others are
    /// counted by address: a key that is made up anew for each request would begin anew each time.
    fn counted_as(&self, request: &Request) -> String {
        let authorization = request.header("authorization");
        let by_key = bearer(authorization)
            .and_then(|presented| self.config.key(presented))
            .map(|(name, key)| Caller::with_key(name, key));
        let bound = || request.binding.as_ref().and_then(Caller::bound);
        match by_key.or_else(|| authorization.is_none().then(bound)?) {
            Some(caller) => caller.name,
            None => format!("address/{}", network(request.header("cf-connecting-ip"))),
        }
    }
}

/// The address of the client, or the network of its customer. The platform sets the header, and
/// nothing but addresses stands in it.
pub(super) fn network(address: Option<&str>) -> String {
    match address.and_then(|address| address.parse().ok()) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => (address & CUSTOMER_PREFIX).to_string(),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_a_network_is_one_in_all_of_it() {
        for (address, expected) in [
            (Some("192.0.2.7"), "192.0.2.7"),
            (Some("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::"),
            (Some("2001:db8:1:2::"), "2001:db8:1:2::"),
            (Some("nonsense"), "unknown"),
            (None, "unknown"),
        ] {
            assert_eq!(network(address), expected);
        }
    }
}
