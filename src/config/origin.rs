//! Addresses that configuration may hold.

use std::{fmt, str::FromStr};

use thiserror::Error;
use url::{Host, Url};

/// Why an address cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidUrl {
    /// Not an absolute URL with a host.
    #[error("must be an absolute address such as https://www.example.com/")]
    NotAbsolute,
    /// Not https where nothing else will do.
    #[error("must begin with https://")]
    NotHttps,
    /// Credentials or a fragment.
    #[error("must not hold a user, a password or a fragment")]
    Decorated,
    /// More than scheme, host and port.
    #[error("must be scheme, host and port only, such as https://www.example.com")]
    NotOrigin,
}

/// An `https` address, such as a token endpoint or a page to go to.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpsUrl(Url);

impl HttpsUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for HttpsUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let url = parse(text)?;
        if url.scheme() == "https" {
            Ok(Self(url))
        } else {
            Err(InvalidUrl::NotHttps)
        }
    }
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpsUrl({})", self.0)
    }
}

/// Scheme, host and port of a web page that may talk to us, as a browser writes them in
/// `Origin` (RFC 6454 §6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin as it stands in the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin of an `https` address, whatever its path.
    pub fn of_address(address: &str) -> Option<Self> {
        let url = parse(address).ok().filter(|url| url.scheme() == "https")?;
        Some(Self(url.origin().ascii_serialization()))
    }
}

impl FromStr for Origin {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let url = parse(text)?;
        secure_or_loopback(&url)?;
        if url.path() != "/" || url.query().is_some() {
            return Err(InvalidUrl::NotOrigin);
        }
        Ok(Self(url.origin().ascii_serialization()))
    }
}

/// Where this Worker is reached from outside. `http` is taken for a loopback host only, which is
/// where a Worker under development stands (RFC 8252 §8.3 makes the same exception).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Scheme, host and port, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        text.parse().map(|origin: Origin| Self(origin.0))
    }
}

fn parse(text: &str) -> Result<Url, InvalidUrl> {
    let url = Url::parse(text).map_err(|_| InvalidUrl::NotAbsolute)?;
    if !url.has_host() {
        return Err(InvalidUrl::NotAbsolute);
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(InvalidUrl::Decorated);
    }
    Ok(url)
}

fn secure_or_loopback(url: &Url) -> Result<(), InvalidUrl> {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        _ => Err(InvalidUrl::NotHttps),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_write_them() {
        let origin: Origin = "https://WWW.Example.com:443/".parse().unwrap();
        assert_eq!(origin.as_str(), "https://www.example.com");
        let local: PublicUrl = "http://localhost:8787".parse().unwrap();
        assert_eq!(local.as_str(), "http://localhost:8787");
    }

    #[test]
    fn err_addresses_that_are_open_or_more_than_they_should_be() {
        assert_eq!(
            "http://shop.test".parse::<PublicUrl>(),
            Err(InvalidUrl::NotHttps)
        );
        assert_eq!(
            "https://a:b@x.test".parse::<HttpsUrl>().unwrap_err(),
            InvalidUrl::Decorated
        );
        assert_eq!(
            "https://x.test/path".parse::<Origin>().unwrap_err(),
            InvalidUrl::NotOrigin
        );
        assert_eq!(
            "http://localhost/token".parse::<HttpsUrl>().unwrap_err(),
            InvalidUrl::NotHttps
        );
        assert_eq!(
            "/relative".parse::<HttpsUrl>().unwrap_err(),
            InvalidUrl::NotAbsolute
        );
        assert_eq!(
            "mailto:x@y.test".parse::<HttpsUrl>().unwrap_err(),
            InvalidUrl::NotAbsolute
        );
    }
}
