//! Tests of the summaries of recorded plans of the real tools.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

fn recorded(tool: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/plan")
        .join(tool)
}

pub(super) fn summary(tool: &str, case: &str) -> PlanSummary {
    let json = fs::read(recorded(tool).join(format!("{case}.json"))).unwrap();
    PlanSummary::from_json(&json).unwrap()
}

fn of(document: &Value) -> Result<PlanSummary, PlanError> {
    PlanSummary::from_json(document.to_string().as_bytes())
}

fn document(members: &Value) -> Value {
    let mut document = json!({"format_version": "1.2", "planned_values": {}});
    for (name, value) in members.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

/// Returns the names of the cases recorded with a tool.
fn cases(tool: &str) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(recorded(tool))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    names.sort();
    names
}

#[test]
fn the_counts_are_those_of_the_tool_itself() {
    for tool in ["terraform", "tofu"] {
        assert!(cases(tool).len() > 15, "{tool}");
        for case in cases(tool) {
            let line = fs::read_to_string(recorded(tool).join(format!("{case}.line"))).unwrap();
            let (line, plan) = (line.trim_end(), summary(tool, &case));
            let ours = plan.counts.to_string();
            if line.starts_with("No changes.") {
                assert!(plan.no_changes(), "{tool} {case}");
                assert_eq!(plan.counts, Counts::default(), "{tool} {case}");
            } else if line.starts_with("This is a refresh-only plan") {
                assert_eq!(plan.applyable, !plan.drift.is_empty(), "{tool} {case}");
                assert_eq!(plan.counts, Counts::default(), "{tool} {case}");
            } else if line == "Changes to Outputs:" {
                assert!(plan.applyable && !plan.outputs.is_empty());
                assert_eq!(plan.counts, Counts::default(), "{tool} {case}");
            } else {
                assert!(plan.applyable && !line.is_empty(), "{tool} {case}");
                assert!(ours.starts_with(line), "{tool} {case}: {ours} / {line}");
            }
        }
    }
}

#[test]
fn no_recorded_secret_is_shown_anywhere() {
    for tool in ["terraform", "tofu"] {
        for case in cases(tool) {
            let plan = summary(tool, &case);
            let json = serde_json::to_string(&plan).unwrap();
            for shown in [format!("{plan}"), format!("{plan:?}"), json] {
                assert!(!shown.contains("s3cr3t"), "{tool} {case}: {shown}");
            }
        }
    }
}

#[test]
fn both_tools_give_the_same_text() {
    for case in cases("tofu").iter().filter(|case| *case != "targeted") {
        assert_eq!(
            summary("terraform", case).to_string(),
            summary("tofu", case).to_string(),
            "{case}"
        );
    }
}

#[test]
fn a_person_reads_this() {
    for case in cases("terraform") {
        let expected = fs::read_to_string(recorded("rendered").join(format!("{case}.txt")));
        let text = summary("terraform", &case).to_string();
        assert_eq!(text, expected.unwrap(), "{case}");
    }
}

#[test]
fn a_summary_is_read_back_as_it_was_written() {
    for case in cases("terraform") {
        let plan = summary("terraform", &case);
        let json = serde_json::to_value(&plan).unwrap();
        let schema = schemars::schema_for!(PlanSummary).to_value();
        assert!(jsonschema::is_valid(&schema, &json), "{case}: {json}");
        assert_eq!(serde_json::from_value::<PlanSummary>(json).unwrap(), plan);
    }
}

#[test]
fn what_is_not_a_plan_of_format_1_is_refused_without_quoting_it() {
    let unknown = |version: &str| PlanError::UnknownFormat {
        version: version.to_owned(),
    };
    let table = [
        (
            json!({"format_version": "2.0", "planned_values": {}}),
            unknown("2.0"),
        ),
        (
            json!({"format_version": "10.1", "planned_values": {}}),
            unknown("10.1"),
        ),
        (json!({"planned_values": {}}), unknown("")),
        (
            json!({"format_version": "1.0", "values": {}}),
            PlanError::NotAPlan,
        ),
        (json!({"format_version": "1.0"}), PlanError::NotAPlan),
    ];
    for (document, error) in table {
        assert_eq!(of(&document).unwrap_err(), error);
    }
    let misshapen = document(&json!({"resource_changes": "s3cr3t-value"}));
    let error = of(&misshapen).unwrap_err();
    assert!(matches!(error, PlanError::Shape { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("s3cr3t"));
    let large = vec![b' '; MAX_PLAN_BYTES + 1];
    assert_eq!(
        PlanSummary::from_json(&large).unwrap_err(),
        PlanError::TooLarge {
            bytes: MAX_PLAN_BYTES + 1
        }
    );
}

#[test]
fn a_deep_value_is_read() {
    for (levels, is_read) in [(150, true), (9_900, true), (10_000, false)] {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        let text = format!(
            r#"{{"format_version": "1.2", "planned_values": {{}}, "output_changes": {{"n": {{
                "actions": ["create"], "before": null, "after": {open}1{close}, "after_unknown": false,
                "before_sensitive": false, "after_sensitive": false}}}}}}"#
        );
        let found = PlanSummary::from_json(text.as_bytes());
        let is_too_deep = matches!(found, Err(PlanError::TooDeep { .. }));
        assert_eq!(is_too_deep, !is_read, "{levels}: {found:?}");
        if is_read {
            assert_eq!(found.unwrap().outputs.len(), 1, "{levels}");
        }
    }
}

fn change(actions: &Value) -> Value {
    json!({"address": "x.y", "mode": "managed", "type": "x", "change": {
        "actions": actions, "before": {"a": 1}, "after": {"a": 2}, "after_unknown": {},
        "before_sensitive": {}, "after_sensitive": {}}})
}

#[test]
fn a_change_that_is_not_known_is_not_taken_for_none() {
    let plan = of(&document(
        &json!({"resource_changes": [change(&json!(["dissolve"]))]}),
    ))
    .unwrap();
    assert!(!plan.no_changes());
    assert_eq!(
        plan.to_string(),
        "  ? x.y (unknown action dissolve)\n      a: 1 -> 2\n\
         Plan: 0 to add, 0 to change, 0 to destroy. 1 with an unknown action.\n"
    );
}

#[test]
fn what_is_planned_beside_resources_is_shown() {
    let deferred = json!({"reason": "resource_config_unknown", "resource_change":
        change(&json!(["create"]))});
    let plan = of(&document(&json!({
        "resource_changes": [],
        "action_invocations": [{"address": "action.x.drop\u{1b}", "type": "x", "name": "drop"}],
        "deferred_changes": [deferred],
        "deferred_action_invocations": [{"reason": "deferred_prereq",
            "action_invocation": {"address": "action.x.later", "type": "x", "name": "later"}}],
    })))
    .unwrap();
    assert!(!plan.no_changes());
    assert_eq!(
        plan.to_string(),
        "  ! action.x.drop\\u001b (invoked)\n\
         Plan: 0 to add, 0 to change, 0 to destroy. 1 to invoke.\n\
         \nLeft to a later plan:\n    x.y (resource_config_unknown)\n    action.x.later (deferred_prereq)\n"
    );
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<PlanSummary>(&text).unwrap(), plan);
}

#[test]
fn drift_alone_is_to_be_applied_only_by_a_refresh() {
    let drift = json!([change(&json!(["update"]))]);
    let untouched = json!([change(&json!(["no-op"]))]);
    let table = [
        (json!({"resource_drift": drift}), false),
        (
            json!({"resource_drift": drift, "resource_changes": untouched}),
            true,
        ),
        (json!({"resource_drift": drift, "applyable": false}), true),
        (
            json!({"resource_drift": drift, "resource_changes": untouched, "applyable": true}),
            false,
        ),
        (
            json!({"resource_drift": drift, "applyable": true, "errored": true}),
            false,
        ),
    ];
    for (members, no_changes) in table {
        let plan = of(&document(&members)).unwrap();
        assert_eq!(plan.no_changes(), no_changes, "{members}");
        assert_eq!(plan.drift.len(), 1);
    }
    let plan = of(&document(
        &json!({"resource_drift": drift, "applyable": false}),
    ))
    .unwrap();
    assert_eq!(
        plan.to_string(),
        "Changed outside since the last apply:\n  ~ x.y\n      a: 1 -> 2\n\nNo changes.\n"
    );
}

#[test]
fn a_successor_is_added_and_its_predecessor_forgotten() {
    let changes = json!([
        change(&json!(["create", "forget"])),
        change(&json!(["create", "delete"]))
    ]);
    let counts = of(&document(&json!({"resource_changes": changes})))
        .unwrap()
        .counts;
    assert_eq!(
        (counts.add, counts.forget, counts.destroy, counts.replace),
        (2, 1, 1, 1)
    );
}

#[test]
fn attributes_over_the_limit_are_counted() {
    let after: Value = (0..MAX_ATTRIBUTES + 7)
        .map(|n| (format!("a{n:03}"), json!(n)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let resource = json!({"address": "x.y", "change": {"actions": ["create"], "after": after}});
    let plan = of(&document(&json!({"resource_changes": [resource]}))).unwrap();
    assert_eq!(plan.resources[0].attributes.len(), MAX_ATTRIBUTES);
    assert!(plan.to_string().contains("      and 7 more\n"));
}

#[test]
fn a_sensitive_value_is_hidden_where_it_has_no_mark_too() {
    let hidden = json!({"address": "x.y", "change": {"actions": ["create"],
        "after": {"a": "prefix-hunter22", "b": 47_114_711, "c": "other"},
        "importing": {"id": "hunter22"}}});
    let plan = of(&document(&json!({
        "resource_changes": [hidden],
        "variables": {"key": {"value": ["hunter22", 47_114_711]}},
        "configuration": {"root_module": {"variables": {"key": {"sensitive": true}}}},
    })));
    assert_eq!(
        plan.unwrap().resources[0].to_string(),
        "  + x.y (import (sensitive value))\n      a = (sensitive value)\n      \
         b = (sensitive value)\n      c = \"other\"\n"
    );
}

#[test]
fn a_mark_that_comes_or_goes_is_a_change_that_reveals_nothing() {
    let table = [
        (json!({}), json!({"a": true}), "a: "),
        (json!({"a": true}), json!({"a": false}), "a: "),
        // The whole resource was marked.
        (json!(true), json!({}), ": "),
    ];
    for (before, after, path) in table {
        let resource = json!({"address": "x.y", "change": {"actions": ["update"],
            "before": {"a": 12, "b": null}, "after": {"a": 12, "b": null},
            "before_sensitive": before, "after_sensitive": after}});
        let plan = of(&document(&json!({"resource_changes": [resource]}))).unwrap();
        assert_eq!(
            plan.resources[0].to_string(),
            format!("  ~ x.y\n      {path}(sensitive value) -> (sensitive value)\n")
        );
    }
}
