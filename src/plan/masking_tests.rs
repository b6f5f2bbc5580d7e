//! Property tests: for any plan, nothing panics, and nothing sensitive is shown.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::PlanSummary;

/// Part of every sensitive text and number of a generated plan.
const MARKER: &str = "987654321";

/// Generates a value and its mask. Only masked parts contain the marker.
fn tree() -> impl Strategy<Value = (Value, Value)> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(|b| (json!(b), json!(false))),
        (0..1000).prop_map(|n| (json!(n), json!(false))),
        "[a-z\"\\\\]{0,8}".prop_map(|text| (json!(text), Value::Null)),
        "[a-z\"\n]{0,8}".prop_map(|text| (json!(format!("{text}{MARKER}{text}")), json!(true))),
        Just((json!(987_654_321), json!(true))),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|elements| {
                let (values, masks): (Vec<_>, Vec<_>) = elements.into_iter().unzip();
                (values.into(), masks.into())
            }),
            prop::collection::btree_map("[a-c]", inner.clone(), 0..4).prop_map(|members| {
                let (mut values, mut masks) = (Map::new(), Map::new());
                for (name, (value, mask)) in members {
                    values.insert(name.clone(), value);
                    masks.insert(name, mask);
                }
                (values.into(), masks.into())
            }),
            // A mask that covers the whole value.
            inner.prop_map(|(value, _)| (value, json!(true))),
        ]
    })
}

fn plan(before: &(Value, Value), after: &(Value, Value), unknown: &Value) -> Value {
    let change = |actions: Value| {
        json!({"actions": actions, "before": before.0, "after": after.0, "after_unknown": unknown,
            "before_sensitive": before.1, "after_sensitive": after.1})
    };
    let resource = json!({"address": "x.y", "change": change(json!(["update"]))});
    json!({"format_version": "1.2", "planned_values": {}, "resource_changes": [resource],
        "resource_drift": [resource], "output_changes": {"o": change(json!(["update"]))}})
}

proptest! {
    #[test]
    fn nothing_sensitive_is_shown(before in tree(), after in tree(), unknown in tree()) {
        let document = plan(&before, &after, &unknown.1).to_string();
        let summary = PlanSummary::from_json(document.as_bytes()).unwrap();
        let json = serde_json::to_string(&summary).unwrap();
        for shown in [format!("{summary}"), format!("{summary:?}"), json] {
            prop_assert!(!shown.contains(MARKER), "{}", shown);
        }
    }

    #[test]
    fn masks_of_any_shape_are_taken(before in tree(), after in tree(), mask in tree()) {
        let document = plan(&(before.0, mask.0.clone()), &(after.0, mask.0), &mask.1).to_string();
        let _ = PlanSummary::from_json(document.as_bytes()).unwrap().to_string();
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..400) {
        let _ = PlanSummary::from_json(&bytes);
        let document = plan(&(json!({"a": [1]}), json!({})), &(json!(null), json!(1)), &json!({}));
        let document = document.to_string();
        let mut broken = document.as_bytes()[..cut.min(document.len())].to_vec();
        broken.extend(bytes);
        let _ = PlanSummary::from_json(&broken);
    }
}
