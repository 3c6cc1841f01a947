//! The JWT bearer grant (RFC 7523 §2.1), with the words of Google's token endpoint.

use super::assertion::Assertion;
use super::refusal::Refusal;
use crate::accounts::Exchange;
use crate::http::Parameters;
use crate::world::World;

/// The longest that an assertion may last, in seconds.
const LONGEST: u64 = 3_600;

/// What is asked for, and by whom it says it is.
pub(super) fn read(form: &Parameters) -> Result<Exchange<'_>, Refusal> {
    let assertion = of(form)?;
    Ok(Exchange::ServiceAccount {
        subject: assertion.claim("sub").to_owned(),
        scope: assertion.claim("scope").to_owned(),
    })
}

fn of(form: &Parameters) -> Result<Assertion<'_>, Refusal> {
    form.get("assertion")
        .and_then(Assertion::parse)
        .ok_or_else(|| Refusal::new("invalid_request", "Invalid JWT: no assertion"))
}

/// Whether it is signed, for us, in time, and for what was delegated.
pub(super) fn check(world: &World, form: &Parameters) -> Result<(), Refusal> {
    let no = |description: &str| Err(Refusal::new("invalid_grant", description));
    let assertion = of(form)?;
    let name = assertion.claim("iss");
    let Some(account) = world.signers.service_account(name) else {
        return no("Invalid grant: account not found");
    };
    let signed = assertion.header("alg") == "RS256"
        && assertion.header("kid") == account.key_id
        && assertion.is_signed_by(&account.signer);
    if !signed {
        return no("Invalid JWT Signature.");
    }
    let endpoint = world.token_endpoint();
    if assertion.claim("aud") != endpoint {
        return no(&format!(
            "Invalid JWT: Failed audience check. The right audience is {endpoint}."
        ));
    }
    let now = world.signers.now(name);
    let (begins, ends) = (assertion.seconds("iat"), assertion.seconds("exp"));
    let in_time = begins.zip(ends).is_some_and(|(begins, ends)| {
        begins <= now && now < ends && ends.saturating_sub(begins) <= LONGEST
    });
    if !in_time {
        return no(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
        );
    }
    let mut scopes = assertion.claim("scope").split_ascii_whitespace().peekable();
    if scopes.peek().is_none() || !scopes.all(|scope| account.scopes.contains(scope)) {
        return Err(Refusal::not_delegated());
    }
    Ok(())
}
