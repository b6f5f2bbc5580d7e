//! The contents of a state document.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// A resource in the state.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Resource {
    pub(crate) name: String,
    pub(crate) tainted: bool,
}

/// Returns the three quick resources and the slow one.
pub(crate) fn four_resources(slow_is_tainted: bool) -> Vec<Resource> {
    let mut all = three_resources();
    all.push(Resource {
        name: "slow".to_owned(),
        tainted: slow_is_tainted,
    });
    all
}

/// Returns the three quick resources.
pub(crate) fn three_resources() -> Vec<Resource> {
    (0..3)
        .map(|index| Resource {
            name: format!("quick[{index}]"),
            tainted: false,
        })
        .collect()
}

/// Returns the resources of a state document, sorted.
pub(crate) fn resources(state: &Value) -> Vec<Resource> {
    let mut found = Vec::new();
    for resource in state["resources"].as_array().into_iter().flatten() {
        let name = resource["name"].as_str().expect("a resource has a name");
        for instance in resource["instances"].as_array().into_iter().flatten() {
            let name = match &instance["index_key"] {
                Value::Null => name.to_owned(),
                index => format!("{name}[{index}]"),
            };
            let tainted = instance["status"] == "tainted";
            found.push(Resource { name, tainted });
        }
    }
    found.sort();
    found
}

/// Returns the document in a file; `None` if the file is missing, or empty like a new state file.
pub(crate) fn read_json(path: &Path) -> Option<Value> {
    let bytes = fs::read(path).ok().filter(|bytes| !bytes.is_empty())?;
    Some(serde_json::from_slice(&bytes).expect("a JSON document"))
}
