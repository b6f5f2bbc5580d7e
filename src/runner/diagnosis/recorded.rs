//! Every recorded error, and its expected diagnosis.

use super::tests::split;
use super::*;
use DiagnosisClass as Class;

/// One recorded error, and its expected diagnosis.
struct Row {
    tool: Tool,
    name: &'static str,
    text: &'static str,
    command: &'static str,
    class: Class,
    retryable: bool,
    says: &'static [&'static str],
}

/// Builds rows for both tools from one line each.
macro_rules! rows {
    ($($name:literal, $command:literal => $class:ident, $retryable:literal, $says:expr;)*) => {
        [$(
            Row {
                tool: Tool::Terraform,
                name: $name,
                text: include_str!(concat!("../../../tests/fixtures/diagnosis/terraform/", $name, ".txt")),
                command: $command,
                class: Class::$class,
                retryable: $retryable,
                says: &$says,
            },
            Row {
                tool: Tool::Tofu,
                name: $name,
                text: include_str!(concat!("../../../tests/fixtures/diagnosis/tofu/", $name, ".txt")),
                command: $command,
                class: Class::$class,
                retryable: $retryable,
                says: &$says,
            },
        )*]
    };
}

/// Builds rows for one tool, from one folder: `NAME, COMMAND => CLASS, RETRYABLE, WORDS OF THE MESSAGE`.
macro_rules! rows_of {
    ($tool:ident in $folder:literal: $($name:literal, $command:literal => $class:ident, $retryable:literal, $says:expr;)*) => {
        [$(Row {
            tool: Tool::$tool,
            name: $name,
            text: include_str!(concat!("../../../tests/fixtures/diagnosis/", $folder, "/", $name, ".txt")),
            command: $command,
            class: Class::$class,
            retryable: $retryable,
            says: &$says,
        },)*]
    };
}

#[test]
fn every_recorded_error_is_named() {
    let rows = rows! {
        "state_locked-local", "plan" => StateLocked, true, ["state is locked by root@build-1 since 20", " UTC (lock id ", ", operation OperationTypeApply)"];
        "state_locked-local-plain", "plan -no-color" => StateLocked, true, ["by root@build-1", "OperationTypeApply"];
        "state_locked-local-json", "plan -json" => StateLocked, true, ["by root@build-1", "OperationTypeApply"];
        "state_locked-local-apply", "apply -auto-approve" => StateLocked, false, ["by root@build-1", "OperationTypeApply"];
        "state_locked-http", "plan" => StateLocked, true, ["state is locked (lock id 6f1a2c3d-0000-4000-8000-00000000beef); this backend does not tell who holds it, and the lock info in the output is this run's own: look at the state server"];
        "state_locked-http-plain", "plan -no-color" => StateLocked, true, ["(lock id 6f1a2c3d-0000-4000-8000-00000000beef)", "look at the state server"];
        "state_locked-http-json", "plan -json" => StateLocked, true, ["(lock id 6f1a2c3d-0000-4000-8000-00000000beef)", "look at the state server"];
        "state_locked-pg", "plan" => StateLocked, true, ["state is locked: Already locked for workspace creation: default; this backend does not tell who holds it, and the lock info in the output is this run's own: look at the database server"];
        "state_lock_release_failed-http", "apply -auto-approve" => StateLockReleaseFailed, false, ["Error releasing the state lock", "Failed to unlock: UNLOCK"];
        "state_lock_release_failed-http-plain", "apply -no-color" => StateLockReleaseFailed, false, ["Error releasing the state lock"];
        "state_lock_release_failed-http-json", "apply -json" => StateLockReleaseFailed, false, ["Error releasing the state lock"];
        "state_lock_release_failed-http-plan", "plan" => StateLockReleaseFailed, false, ["Error releasing the state lock"];
        "state_write_failed-http", "apply" => StateWriteFailed, false, ["Failed to save state: Error saving state: Failed to upload state: POST http://127.0.0.1"];
        "state_write_failed-http-plain", "apply -no-color" => StateWriteFailed, false, ["Failed to save state: Error saving state: Failed to upload state: POST"];
        "state_write_failed-http-json", "apply -json" => StateWriteFailed, false, ["Failed to save state: Error saving state: Failed to upload state: POST"];
        "state_write_failed-push", "state push -force s.json" => StateWriteFailed, false, ["Failed to persist state: Failed to upload state: POST"];
        "state_write_failed-full_disk", "apply -lock=false" => StateWriteFailed, false, ["no space left on device"];
        "state_write_failed-full_disk-plain", "apply -lock=false" => StateWriteFailed, false, ["no space left on device"];
        "state_write_failed-full_disk-json", "apply -lock=false -json" => StateWriteFailed, false, ["no space left on device"];
        "backend_init_required-first", "plan" => BackendInitRequired, false, ["Backend initialization required, please run"];
        "backend_init_required-first-plain", "plan" => BackendInitRequired, false, ["Backend initialization required, please run"];
        "backend_init_required-first-json", "plan -json" => BackendInitRequired, false, ["Backend initialization required, please run"];
        "backend_init_required-changed", "plan" => BackendInitRequired, false, ["Reason: Backend configuration block has changed"];
        "backend_init_required-changed-plain", "plan" => BackendInitRequired, false, ["Reason: Backend configuration block has changed"];
        "backend_init_required-changed-json", "plan -json" => BackendInitRequired, false, ["Reason: Backend configuration block has changed"];
        "backend_init_required-changed-init", "init" => BackendInitRequired, false, ["Backend configuration changed", "-reconfigure"];
        "backend_init_required-module", "plan" => BackendInitRequired, false, ["Module not installed", "(main.tf line 1)"];
        "backend_init_required-module-plain", "plan" => BackendInitRequired, false, ["Module not installed", "(main.tf line 1)"];
        "backend_init_required-module-json", "plan -json" => BackendInitRequired, false, ["Module not installed", "(main.tf line 1)"];
        "backend_init_required-provider", "plan" => BackendInitRequired, false, ["required by this configuration but no version is selected"];
        "backend_init_required-provider-plain", "plan" => BackendInitRequired, false, ["required by this configuration but no version is selected"];
        "backend_init_required-provider-json", "plan -json" => BackendInitRequired, false, ["required by this configuration but no version is selected"];
        "backend_auth-http-unauthorized", "plan" => BackendAuth, false, ["HTTP remote state endpoint requires auth"];
        "backend_auth-http-unauthorized-plain", "plan" => BackendAuth, false, ["HTTP remote state endpoint requires auth"];
        "backend_auth-http-unauthorized-json", "plan -json" => BackendAuth, false, ["HTTP remote state endpoint requires auth"];
        "backend_auth-http-unauthorized-init", "init" => BackendAuth, false, ["Error refreshing state: HTTP remote state endpoint requires auth"];
        "backend_auth-http-forbidden", "plan" => BackendAuth, false, ["HTTP remote state endpoint invalid auth"];
        "backend_auth-http-forbidden-plain", "plan" => BackendAuth, false, ["HTTP remote state endpoint invalid auth"];
        "backend_auth-http-forbidden-json", "plan -json" => BackendAuth, false, ["HTTP remote state endpoint invalid auth"];
        "backend_auth-http-forbidden-init", "init" => BackendAuth, false, ["HTTP remote state endpoint invalid auth"];
        "backend_auth-pg-init", "init" => BackendAuth, false, ["password authentication failed for user"];
        "missing_variable-plan", "plan" => MissingVariable, false, ["No value for required variable: The root module input variable \"name\" is not set"];
        "missing_variable-plan-plain", "plan" => MissingVariable, false, ["variable \"name\" is not set"];
        "missing_variable-plan-json", "plan -json" => MissingVariable, false, ["variable \"name\" is not set"];
        "missing_variable-apply", "apply" => MissingVariable, false, ["variable \"name\" is not set"];
        "invalid_configuration-syntax", "plan" => InvalidConfiguration, false, ["Invalid expression", "(main.tf line 2)"];
        "invalid_configuration-syntax-plain", "plan" => InvalidConfiguration, false, ["Invalid expression", "(main.tf line 2)"];
        "invalid_configuration-syntax-json", "plan -json" => InvalidConfiguration, false, ["Invalid expression", "(main.tf line 2)"];
        "invalid_configuration-syntax-init", "init" => InvalidConfiguration, false, ["Invalid expression", "(main.tf line 2)"];
        "invalid_configuration-syntax-validate", "validate" => InvalidConfiguration, false, ["Invalid expression", "(main.tf line 2)"];
        "invalid_configuration-syntax-validate-json", "validate -json" => InvalidConfiguration, false, ["Invalid expression", "(main.tf line 2)"];
        "invalid_configuration-reference", "plan" => InvalidConfiguration, false, ["Unsupported argument: An argument named \"inputs\" is not expected here."];
        "invalid_configuration-reference-plain", "plan" => InvalidConfiguration, false, ["Unsupported argument"];
        "invalid_configuration-reference-json", "plan -json" => InvalidConfiguration, false, ["Unsupported argument"];
        "invalid_configuration-reference-validate", "validate" => InvalidConfiguration, false, ["Unsupported argument"];
        "invalid_configuration-reference-validate-json", "validate -json" => InvalidConfiguration, false, ["Unsupported argument", "(main.tf line 2)"];
        "invalid_configuration-value", "plan -var n=1" => InvalidConfiguration, false, ["The number must be above three."];
        "invalid_configuration-type", "plan -var n=x" => InvalidConfiguration, false, ["a number is required"];
        "invalid_configuration-undeclared", "plan" => InvalidConfiguration, false, ["Value for undeclared variable"];
        "invalid_configuration-varfile", "plan" => InvalidConfiguration, false, ["none.tfvars does not exist"];
        "invalid_configuration-index", "plan" => InvalidConfiguration, false, ["Invalid index"];
        "no_configuration-plan", "plan" => NoConfiguration, false, ["No configuration files"];
        "no_configuration-plan-plain", "plan" => NoConfiguration, false, ["No configuration files"];
        "no_configuration-plan-json", "plan -json" => NoConfiguration, false, ["No configuration files"];
        "no_configuration-apply", "apply" => NoConfiguration, false, ["No configuration files"];
        "stale_plan-apply", "apply p" => StalePlan, false, ["Saved plan is stale: The given plan file can no longer be applied"];
        "stale_plan-apply-plain", "apply p" => StalePlan, false, ["Saved plan is stale"];
        "stale_plan-apply-json", "apply -json p" => StalePlan, false, ["Saved plan is stale"];
        "plan_missing-apply", "apply none.tfplan" => PlanMissing, false, ["stat none.tfplan: no such file or directory"];
        "plan_missing-apply-plain", "apply none.tfplan" => PlanMissing, false, ["stat none.tfplan: no such file or directory"];
        "plan_missing-apply-json", "apply -json none.tfplan" => PlanMissing, false, ["stat none.tfplan: no such file or directory"];
        "plan_missing-show", "show none.tfplan" => PlanMissing, false, ["open none.tfplan: no such file or directory"];
        "provider_install-absent", "init" => ProviderInstall, false, ["does not have a provider named registry.example.com/test/absent"];
        "provider_install-absent-plain", "init" => ProviderInstall, false, ["does not have a provider named"];
        "provider_install-down", "init" => ProviderInstall, true, ["503 Service Unavailable"];
        "provider_install-down-plain", "init" => ProviderInstall, true, ["503 Service Unavailable"];
        "provider_install-host", "init" => ProviderInstall, true, ["no such host"];
        "provider_install-package", "init" => ProviderInstall, false, ["does not have a package available for your current platform"];
        "module_download-local", "init" => ModuleDownload, false, ["Unreadable module directory"];
        "module_download-local-plain", "init" => ModuleDownload, false, ["Unreadable module directory"];
        "module_download-http-absent", "init" => ModuleDownload, false, ["bad response code: 404"];
        "module_download-http-absent-plain", "init" => ModuleDownload, false, ["bad response code: 404"];
        "module_download-http-down", "init" => ModuleDownload, true, ["bad response code: 503"];
        "module_download-http-down-plain", "init -upgrade" => ModuleDownload, true, ["bad response code: 503"];
        "module_download-registry-absent", "init" => ModuleDownload, false, ["cannot be found in the module registry"];
        "module_download-registry-down", "init" => ModuleDownload, true, ["503 Service Unavailable"];
        "module_download-git", "init" => ModuleDownload, true, ["Failed to connect to 127.0.0.1 port 1"];
        "provider_error-local_exec", "apply" => ProviderError, false, ["local-exec provisioner error: Error running command", "exit status 3. Output: boom"];
        "provider_error-local_exec-plain", "apply" => ProviderError, false, ["exit status 3. Output: boom"];
        "provider_error-local_exec-json", "apply -json" => ProviderError, false, ["exit status 3. Output: boom"];
        "provider_error-plugin_start", "plan" => ProviderError, false, ["Unrecognized remote plugin message: no plugin"];
        "provider_error-plugin_start-validate-json", "validate -json" => ProviderError, false, ["Unrecognized remote plugin message: no plugin"];
        "version_constraint-core", "plan" => VersionConstraint, false, ["This configuration does not support"];
        "version_constraint-core-plain", "plan" => VersionConstraint, false, ["This configuration does not support"];
        "version_constraint-core-json", "plan -json" => VersionConstraint, false, ["This configuration does not support"];
        "version_constraint-core-init", "init" => VersionConstraint, false, ["This configuration does not support"];
        "version_constraint-provider", "init" => VersionConstraint, false, ["no available releases match the given constraints >= 2.0.0"];
        "version_constraint-provider-plain", "init" => VersionConstraint, false, ["no available releases match the given constraints >= 2.0.0"];
        "version_constraint-mirror", "init" => VersionConstraint, false, ["no available releases match the given constraints >= 3.0.0"];
        "approval_required-apply", "apply" => ApprovalRequired, false, ["error asking for approval: EOF"];
        "approval_required-apply-plain", "apply" => ApprovalRequired, false, ["error asking for approval: EOF"];
        "approval_required-apply-noinput", "apply -input=false" => ApprovalRequired, false, ["error asking for approval: EOF"];
        "approval_required-apply-json", "apply -json" => ApprovalRequired, false, ["Plan file or auto-approve required"];
        "approval_required-destroy", "destroy" => ApprovalRequired, false, ["error asking for approval: EOF"];
        "approval_required-force_unlock", "force-unlock x" => ApprovalRequired, false, ["Error asking for confirmation: EOF"];
        "lockfile_mismatch-constraint", "plan" => LockfileMismatch, false, ["locked version selection 1.0.0 doesn't match the updated version constraints"];
        "lockfile_mismatch-constraint-plain", "plan" => LockfileMismatch, false, ["locked version selection 1.0.0"];
        "lockfile_mismatch-constraint-json", "plan -json" => LockfileMismatch, false, ["locked version selection 1.0.0"];
        "lockfile_mismatch-constraint-init", "init" => LockfileMismatch, false, ["does not match configured version constraint 1.1.0"];
        "lockfile_mismatch-checksum", "init" => LockfileMismatch, false, ["checksums previously recorded in the dependency lock file"];
        "lockfile_mismatch-checksum-plain", "init" => LockfileMismatch, false, ["checksums previously recorded in the dependency lock file"];
        "lockfile_mismatch-checksum-plan", "plan" => LockfileMismatch, false, ["does not match any of the checksums recorded"];
        "lockfile_mismatch-checksum-plan-plain", "plan" => LockfileMismatch, false, ["does not match any of the checksums recorded"];
        "lockfile_mismatch-checksum-plan-json", "plan -json" => LockfileMismatch, false, ["does not match any of the checksums recorded"];
        "lockfile_mismatch-readonly", "init -lockfile=readonly" => LockfileMismatch, false, ["the lock file is read-only"];
        "out_of_disk-state", "apply" => OutOfDisk, false, ["no space left on device"];
        "out_of_disk-state-plain", "apply" => OutOfDisk, false, ["no space left on device"];
        "out_of_disk-state-json", "apply -json" => OutOfDisk, false, ["no space left on device"];
        "out_of_disk-init", "init" => OutOfDisk, false, ["no space left on device"];
        "out_of_memory-address_space", "plan" => OutOfMemory, false, ["fatal error: failed to reserve page summary memory"];
        "other-http-down", "plan" => Other, true, ["giving up after 1 attempt(s)"];
        "other-http-down-plain", "plan" => Other, true, ["giving up after 1 attempt(s)"];
        "other-http-down-json", "plan -json" => Other, true, ["giving up after 1 attempt(s)"];
        "other-http-down-init", "init" => Other, true, ["Error refreshing state: Failed to get state"];
        "other-precondition", "plan" => Other, false, ["Resource precondition failed: Only prod."];
        "other-precondition-plain", "plan" => Other, false, ["Resource precondition failed: Only prod."];
        "other-precondition-json", "plan -json" => Other, false, ["Resource precondition failed: Only prod."];
        "other-subcommand", "frobnicate" => Other, false, ["has no command named \"frobnicate\"."];
        "other-flag", "plan -frobnicate" => Other, false, ["flag provided but not defined: -frobnicate"];
        "other-workspace", "workspace select none" => Other, false, ["Workspace \"none\" doesn't exist."];
        "other-import", "import terraform_data.none x" => Other, false, ["resource address \"terraform_data.none\" does not exist in the configuration."];
        "other-state-mv", "state mv a b" => Other, false, ["No state file was found!"];
        "other-force_unlock_local", "force-unlock -force x" => Other, false, ["Failed to unlock state: LocalState not locked"];
        "other-plan_unreadable", "apply broken.tfplan" => Other, false, ["not a valid zip file"];
    };
    // OpenTofu 1.6 has no `init -json`: it prints its usage without a reason.
    let init_json = rows_of! { Terraform in "terraform":
        "lockfile_mismatch-checksum-json", "init -json" => LockfileMismatch, false, ["checksums previously recorded"];
        "module_download-http-absent-json", "init -json" => ModuleDownload, false, ["bad response code: 404"];
        "module_download-http-down-json", "init -json" => ModuleDownload, true, ["bad response code: 503"];
        "module_download-local-json", "init -json" => ModuleDownload, false, ["Unreadable module directory"];
        "provider_install-absent-json", "init -json" => ProviderInstall, false, ["does not have a provider named"];
        "provider_install-down-json", "init -json" => ProviderInstall, true, ["503 Service Unavailable"];
        "version_constraint-provider-json", "init -json" => VersionConstraint, false, ["no available releases match"];
    };
    let init_usage = rows_of! { Tofu in "tofu":
        "provider_install-absent-json", "init -json" => Other, false, ["Usage: tofu [global options] init [options]"];
    };
    let reported = rows_of! { Terraform in "reported":
        "provider_auth-aws", "plan" => ProviderAuth, false, ["No valid credential sources found", "(providers.tf line 28)"];
        "provider_auth-google", "plan" => ProviderAuth, false, ["could not find default credentials"];
        "provider_error-plugin_crash", "plan" => ProviderError, false, ["Plugin did not respond"];
        "backend_auth-s3", "init" => BackendAuth, false, ["StatusCode: 403"];
        "backend_auth-azurerm", "init" => BackendAuth, false, ["Please run 'az login'"];
        "state_locked-dynamodb", "apply" => StateLocked, false, ["state is locked by alice@laptop since 2021-09-27 00:10:27.424064363 +0000 UTC (lock id f9763602-b03f-e35c-da30-4083cdbb99ae, operation OperationTypeApply)"];
    };
    let wrong: Vec<String> = rows
        .iter()
        .chain(&init_json)
        .chain(&init_usage)
        .chain(&reported)
        .filter_map(fault_of_row)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn fault_of_row(row: &Row) -> Option<String> {
    let (command, args) = split(row.command);
    let observed = DiagnosisInput {
        tool: row.tool,
        command: &command,
        args: &args,
        ending: Ended::Exited(1),
        text: row.text,
        oom: Kill::NotSeen,
    };
    let Some(diagnosis) = diagnose(&observed) else {
        return Some(format!("{} {}: none", row.tool, row.name));
    };
    let says = row
        .says
        .iter()
        .all(|words| diagnosis.message.contains(words));
    let is_line =
        !diagnosis.message.contains('\n') && diagnosis.message.chars().count() <= MAX_MESSAGE_CHARS;
    let is_right = diagnosis.class == row.class && diagnosis.retryable == row.retryable;
    (!says || !is_line || !is_right).then(|| format!("{} {}: {diagnosis:?}", row.tool, row.name))
}
