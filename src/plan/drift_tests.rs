//! Tests with recorded output of the real tools for drift, imports and replacements.

use super::tests::summary;
use super::{Action, ActionReason, PlanSummary, ResourceChange};

const TOOLS: [&str; 2] = ["terraform", "tofu"];

/// Returns the address, action and changed attributes of each resource.
fn told(resources: &[ResourceChange]) -> Vec<(&str, &Action, Vec<&str>)> {
    fn paths(resource: &ResourceChange) -> Vec<&str> {
        let attributes = resource.attributes.iter();
        attributes.map(|it| it.path.as_str()).collect()
    }
    let all = resources.iter();
    all.map(|it| (it.address.as_str(), &it.action, paths(it)))
        .collect()
}

fn resource<'a>(resources: &'a [ResourceChange], address: &str) -> &'a ResourceChange {
    let found = resources.iter().find(|it| it.address == address);
    found.unwrap_or_else(|| panic!("{address} in {resources:?}"))
}

#[test]
fn drift_tells_what_was_changed_and_what_was_deleted() {
    let drift = [
        ("disk_file.edited", &Action::Update, vec!["content"]),
        (
            "disk_file.gone",
            &Action::Delete,
            vec!["content", "id", "path"],
        ),
        ("disk_file.key", &Action::Update, vec!["sensitive_content"]),
    ];
    for tool in TOOLS {
        for case in ["drifted", "drifted_refresh_only"] {
            let plan = summary(tool, case);
            assert_eq!(told(&plan.drift), drift, "{tool} {case}");
            let edited = resource(&plan.drift, "disk_file.edited").to_string();
            assert!(
                edited.ends_with("content: \"as configured\" -> \"by hand\"\n"),
                "{edited}"
            );
            let key = resource(&plan.drift, "disk_file.key").to_string();
            assert!(
                key.ends_with(": (sensitive value) -> (sensitive value)\n"),
                "{key}"
            );
        }
    }
}

#[test]
fn a_plan_undoes_drift_and_a_refresh_takes_it_over() {
    for tool in TOOLS {
        let plan = summary(tool, "drifted");
        let counts = plan.counts;
        assert_eq!(
            (counts.add, counts.change, counts.destroy),
            (1, 2, 0),
            "{tool}"
        );
        assert_eq!(
            resource(&plan.resources, "disk_file.gone").action,
            Action::Create
        );
        let refresh = summary(tool, "drifted_refresh_only");
        assert_eq!(refresh.resources, [], "{tool}");
        assert!(refresh.applyable, "{tool}");
        assert_eq!(refresh.outputs[0].name, "edited", "{tool}");
    }
}

#[test]
fn drift_that_the_configuration_wants_leaves_nothing_to_apply() {
    for tool in TOOLS {
        let plan = summary(tool, "drift_adopted");
        assert_eq!(
            told(&plan.drift),
            [("disk_file.adopted", &Action::Update, vec!["content"])]
        );
        assert!(plan.no_changes(), "{tool}");
    }
}

#[test]
fn an_output_that_is_new_is_no_drift() {
    for tool in TOOLS {
        let plan = summary(tool, "undrifted_new_output");
        assert_eq!(plan.drift, [], "{tool}");
        assert_eq!(plan.outputs[0].name, "new", "{tool}");
        assert!(plan.applyable, "{tool}");
    }
}

#[test]
fn a_resource_that_was_only_moved_has_not_drifted() {
    for tool in TOOLS {
        let plan = summary(tool, "undrifted_move");
        assert_eq!(plan.drift, [], "{tool}");
        assert!(plan.no_changes(), "{tool}");
    }
}

#[test]
fn an_import_names_its_id_and_what_it_changes() {
    for tool in TOOLS {
        let plan = summary(tool, "import_existing");
        assert_eq!((plan.counts.import, plan.counts.change), (2, 1), "{tool}");
        let imported = |address| {
            let it = resource(&plan.resources, address);
            (it.import_id.as_deref(), &it.action)
        };
        assert_eq!(
            imported("disk_file.same"),
            (Some("same.txt"), &Action::NoOp)
        );
        assert_eq!(
            imported("disk_file.other"),
            (Some("other.txt"), &Action::Update)
        );
    }
}

#[test]
fn a_replacement_says_why() {
    use ActionReason::{ReplaceBecauseCannotUpdate, ReplaceByRequest};
    let table = [
        (
            "disk_file.moved",
            Action::DeleteThenCreate,
            ReplaceBecauseCannotUpdate,
            vec!["path"],
        ),
        (
            "disk_file.successor",
            Action::CreateThenDelete,
            ReplaceBecauseCannotUpdate,
            vec!["path"],
        ),
        (
            "disk_file.each[\"a \\\"quoted\\\" key\"]",
            Action::DeleteThenCreate,
            ReplaceByRequest,
            vec![],
        ),
    ];
    let forcing = |plan: &PlanSummary, address: &str| -> Vec<String> {
        let attributes = &resource(&plan.resources, address).attributes;
        let forcing = attributes.iter().filter(|it| it.forces_replacement);
        forcing.map(|it| it.path.clone()).collect()
    };
    for tool in TOOLS {
        let plan = summary(tool, "replace_cannot_update");
        assert_eq!(
            (plan.counts.replace, plan.resources.len()),
            (3, 3),
            "{tool}"
        );
        for (address, action, reason, paths) in &table {
            let replaced = resource(&plan.resources, address);
            assert_eq!(
                (&replaced.action, &replaced.reason),
                (action, &Some(reason.clone()))
            );
            assert_eq!(forcing(&plan, address), *paths, "{tool} {address}");
        }
    }
}

#[test]
fn what_a_failed_replacement_left_over_is_told_by_its_key() {
    for tool in TOOLS {
        let plan = summary(tool, "deposed");
        let left_over = resource(&plan.resources, "disk_file.successor");
        assert_eq!(left_over.deposed.as_deref(), Some("00000000"), "{tool}");
        assert_eq!(left_over.action, Action::Delete, "{tool}");
        assert_eq!(plan.counts.destroy, plan.resources.len(), "{tool}");
    }
}
