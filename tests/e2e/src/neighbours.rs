//! Other Workers of the same account: the example of a caller, and one in front that calls through
//! bindings of every kind.

use serde_json::{Map, Value, json};
use xtask::worker::Neighbour;
use xtask::{Context, Result, paths};

/// What `wrangler.toml` calls our Worker.
const EDGEPOST: &str = "edgepost";

/// A binding of the Worker in front, by its name.
#[derive(Debug)]
pub struct Binding {
    /// Its name, in the paths that go through it.
    pub name: &'static str,
    /// What the platform says of whoever calls through it.
    pub props: Value,
}

/// The Worker in front with these bindings to ours and `SHOP`, the example, which sends from
/// `mailbox` with this address.
///
/// # Errors
/// If the example cannot be read.
pub fn all(bindings: &[Binding], mailbox: &str, address: &str) -> Result<Vec<Neighbour>> {
    let mut services = vec![
        json!({ "binding": "OPEN", "service": EDGEPOST }),
        json!({ "binding": "SHOP", "service": "shop" }),
    ];
    for binding in bindings {
        services.push(json!({
            "binding": binding.name, "service": EDGEPOST, "props": binding.props,
        }));
    }
    let shop = shop(mailbox, address)?;
    let front = Neighbour {
        config: Map::from_iter([
            ("name".to_owned(), json!("front")),
            (
                "compatibility_date".to_owned(),
                shop.config["compatibility_date"].clone(),
            ),
            ("services".to_owned(), json!(services)),
        ]),
        script: paths::root().join("tests/e2e/neighbours/front.js"),
    };
    Ok(vec![front, shop])
}

/// The example as it is, but for whose mailbox it uses.
fn shop(mailbox: &str, address: &str) -> Result<Neighbour> {
    let folder = paths::root().join("examples/service-binding");
    let text = std::fs::read_to_string(folder.join("wrangler.toml"))?;
    let table: toml::Table = text
        .parse()
        .context(|| "the example's wrangler.toml".to_owned())?;
    let mut config = serde_json::to_value(table)?;
    config["vars"]["FROM"] = json!(format!("Example Shop <{address}>"));
    config["services"][0]["props"]["mailboxes"] = json!([mailbox]);
    let config = config
        .as_object()
        .cloned()
        .ok_or("the example's wrangler.toml is no table")?;
    Ok(Neighbour {
        config,
        script: folder.join("index.js"),
    })
}
