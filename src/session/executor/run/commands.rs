//! Builds the runner's request for each stage.
//!
//! Everything here is a function of the request and of names; nothing is read or started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use crate::plan::MAX_PLAN_BYTES;
use crate::protocol::{OnDisconnect, Request, SandboxMode, SandboxRequest, fits, inherits};
use crate::session::request::Source;
use crate::session::request::flags;
use crate::session::request::shell_words;
use crate::session::request::shell_words::WordsError;
use crate::session::storage::session_dir::SessionDir;
use crate::session::{DeployRequest, Operation};

/// Output limit in the result of a run whose lines are in the log anyway.
const LOGGED_OUTPUT_BYTES: u64 = 64 * 1024;
/// Output limit for `show` and `output`, which are read from the result.
const READ_OUTPUT_BYTES: u64 = MAX_PLAN_BYTES as u64;

/// Variables that would add to every command or select another state. They are set to the empty string regardless of what is
/// inherited; the tools treat an empty variable as unset. A request has its own fields for these settings.
const NOT_INHERITED: [&str; 11] = [
    "TF_CLI_ARGS",
    "TF_CLI_ARGS_init",
    "TF_CLI_ARGS_validate",
    "TF_CLI_ARGS_plan",
    "TF_CLI_ARGS_show",
    "TF_CLI_ARGS_apply",
    "TF_CLI_ARGS_output",
    "TF_CLI_ARGS_version",
    "TF_CLI_ARGS_workspace_select",
    "TF_WORKSPACE",
    "TF_REATTACH_PROVIDERS",
];

/// Parameters that all commands of one session share.
#[derive(Clone, Debug)]
pub(crate) struct Commands<'a> {
    pub(crate) request: &'a DeployRequest,
    pub(crate) session_dir: &'a SessionDir,
    /// The whole source, in which the tool works.
    pub(crate) root: &'a Path,
    pub(crate) work_dir: &'a Path,
    /// Variables that the session adds to those of the request.
    pub(crate) environment: &'a BTreeMap<String, SecretString>,
    pub(crate) inherit_env: Option<&'a [String]>,
    pub(crate) grace: Duration,
    /// What the settings allow the tools to access.
    pub(crate) sandbox: &'a SandboxRequest,
}

impl Commands<'_> {
    /// Builds `init`, with the variables that also give the tool access to the repository.
    pub(crate) fn init(
        &self,
        of_repository: BTreeMap<String, SecretString>,
    ) -> Result<Request, WordsError> {
        let mut args = vec!["-input=false".to_owned()];
        match self.request.operation {
            // `init` reads no state, so it does not need the backend's credentials.
            Operation::Validate => args.push("-backend=false".to_owned()),
            Operation::Deploy | Operation::Plan | Operation::Destroy | Operation::Drift => {}
        }
        args.extend(shell_words::split(&self.request.init_flags)?);
        if !self.request.backend_config.is_empty() {
            args.push(option(
                "-backend-config",
                &self.session_dir.backend_config(),
            ));
        }
        let mut request = self.logged("init", args);
        request.env_vars.extend(of_repository);
        Ok(request)
    }

    /// Selects the workspace; `None` if the request names none, or reads no state.
    ///
    /// The session's own data directory stores the selection. Only a deployment creates a workspace: otherwise a
    /// plan or destroy with a misspelt name would see an empty state.
    pub(crate) fn workspace(&self) -> Option<Request> {
        let workspace = self.request.workspace.as_deref()?;
        let args = match self.request.operation {
            Operation::Deploy => vec!["select", "-or-create", workspace],
            Operation::Plan | Operation::Destroy | Operation::Drift => vec!["select", workspace],
            Operation::Validate => return None,
        };
        let args = args.into_iter().map(str::to_owned).collect();
        Some(self.logged("workspace", args))
    }

    pub(crate) fn validate(&self) -> Request {
        self.logged("validate", Vec::new())
    }

    /// Builds the plan, with the resolved paths of the variable files.
    ///
    /// Later values override earlier ones: the flags, the files in their order, the variables.
    pub(crate) fn plan(&self, tfvars_files: &[PathBuf]) -> Result<Request, WordsError> {
        let mut args = vec![
            "-input=false".to_owned(),
            option("-out", &self.session_dir.plan_file()),
        ];
        if self.request.applies_by_itself() {
            // With this exit code, the session knows whether the plan has changes before it shows the plan.
            args.push("-detailed-exitcode".to_owned());
        }
        match self.request.operation {
            Operation::Destroy => args.push("-destroy".to_owned()),
            Operation::Drift => args.push("-refresh-only".to_owned()),
            Operation::Deploy | Operation::Plan | Operation::Validate => {}
        }
        let of = |flag: &str, addresses: &[String]| {
            let flags = addresses.iter().map(|address| format!("{flag}={address}"));
            flags.collect::<Vec<_>>()
        };
        args.extend(of("-target", &self.request.targets));
        args.extend(of("-replace", &self.request.replace));
        args.extend(shell_words::split(&self.request.plan_flags)?);
        args.extend(self.variable_files(tfvars_files));
        let mut request = self.in_workspace(self.logged("plan", args));
        self.open_plan_file(&mut request.sandbox.write);
        Ok(request)
    }

    /// Prints the plan as JSON. It contains every sensitive value, so no run directory stores it.
    pub(crate) fn show(&self) -> Request {
        let plan = self.session_dir.plan_file().to_string_lossy().into_owned();
        let mut request = self.in_workspace(self.read("show", vec!["-json".to_owned(), plan]));
        self.open_plan_file(&mut request.sandbox.read);
        request
    }

    /// Applies the plan file; with a version, only if the tool has that version.
    ///
    /// With variable files, all variables of the plan are passed again: a plan does not contain ephemeral ones.
    pub(crate) fn apply(
        &self,
        tool_version: Option<String>,
        variables_again: Option<&[PathBuf]>,
    ) -> Result<Request, WordsError> {
        let plan_flags = shell_words::split(&self.request.plan_flags)?;
        let mut args = vec!["-input=false".to_owned()];
        args.extend(flags::carried_to_apply(&plan_flags));
        args.extend(shell_words::split(&self.request.apply_flags)?);
        if let Some(tfvars_files) = variables_again {
            args.extend(flags::variables(&plan_flags));
            args.extend(self.variable_files(tfvars_files));
        }
        args.push(self.session_dir.plan_file().to_string_lossy().into_owned());
        let mut request = self.in_workspace(self.logged("apply", args));
        request.tool_version = tool_version;
        self.open_plan_file(&mut request.sandbox.read);
        Ok(request)
    }

    fn variable_files(&self, tfvars_files: &[PathBuf]) -> Vec<String> {
        let own = (!self.request.variables.is_empty()).then(|| self.session_dir.variables());
        let files = tfvars_files.iter().map(PathBuf::as_path);
        files
            .chain(own.as_deref())
            .map(|file| option("-var-file", file))
            .collect()
    }

    /// Prints the outputs as JSON. They contain every sensitive value, so no run directory stores them.
    pub(crate) fn output(&self) -> Request {
        self.in_workspace(self.read("output", vec!["-json".to_owned()]))
    }

    /// Sets the workspace of a command by variable, so that it does not depend on the file in which the tool stores
    /// the selection: anything that a plan runs could change that file.
    fn in_workspace(&self, mut request: Request) -> Request {
        if let Some(workspace) = self.request.workspace.clone() {
            let name = "TF_WORKSPACE".to_owned();
            request.env_vars.insert(name, workspace.into());
        }
        request
    }

    /// Builds a command whose lines go to the log.
    fn logged(&self, command: &str, args: Vec<String>) -> Request {
        let mut request = Request::new(self.request.tool, self.work_dir, command);
        request.args = args;
        request.env_vars = NOT_INHERITED
            .map(|name| (name.to_owned(), String::new().into()))
            .into();
        request.env_vars.extend(self.request.env_vars.clone());
        let data_dir = self.session_dir.data_dir().to_string_lossy().into_owned();
        request
            .env_vars
            .insert("TF_DATA_DIR".to_owned(), data_dir.into());
        request.env_vars.extend(
            self.environment
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        request.timeout_minutes = self.request.timeout().as_secs_f64() / 60.0;
        request.grace_seconds = self.grace.as_secs_f64();
        // A process that recovers the session finds the run finished or still running.
        request.on_disconnect = OnDisconnect::Finish;
        request.inherit_env = self.inherit_env.map(<[String]>::to_vec);
        request.output_limit_bytes = LOGGED_OUTPUT_BYTES;
        request.sandbox = self.sandbox();
        request
    }

    /// Returns what every command may access: the source, and of the session's directory only the tools' own files.
    /// The session itself reads and writes the other files; it is not confined and follows links.
    fn sandbox(&self) -> SandboxRequest {
        if self.sandbox.mode == SandboxMode::Off {
            return SandboxRequest {
                memory_limit_bytes: self.sandbox.memory_limit_bytes,
                ..SandboxRequest::default()
            };
        }
        let mut sandbox = self.sandbox.clone();
        let root = self.root.to_owned();
        match &self.request.source {
            // The tool may change its working directory, which is a part of the source.
            Source::Directory(_) => sandbox.read.push(root),
            Source::Git(_) | Source::Files(_) => sandbox.write.push(root),
        }
        sandbox.write.push(self.session_dir.data_dir());
        sandbox.read.push(self.session_dir.config_dir());
        sandbox
    }

    /// Adds the plan file and nothing else of its directory, which also holds the summary that people approve.
    fn open_plan_file(&self, paths: &mut Vec<PathBuf>) {
        if self.sandbox.mode != SandboxMode::Off {
            paths.push(self.session_dir.plan_file());
        }
    }

    /// Builds a command whose output is read. It changes nothing, so it ends with the session's process.
    fn read(&self, command: &str, args: Vec<String>) -> Request {
        let mut request = self.logged(command, args);
        request.on_disconnect = OnDisconnect::Interrupt;
        request.output_limit_bytes = READ_OUTPUT_BYTES;
        // The tool's own log goes to the same stream as its output, and other arguments change the output.
        let log = ["TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER"];
        let arguments = NOT_INHERITED
            .into_iter()
            .filter(|name| name.starts_with("TF_CLI_ARGS"));
        for name in log.into_iter().chain(arguments) {
            request
                .env_vars
                .insert(name.to_owned(), String::new().into());
        }
        request
    }
}

fn option(flag: &str, path: &Path) -> String {
    format!("{flag}={}", path.display())
}

/// Returns whether a variable of this process reaches the tools and can change what they do.
///
/// Variables that the session sets do not reach them, and the request's variables override inherited ones. The
/// other excluded variables only set the language, or where the tools' programs, logs and temporary files are (the
/// tool itself is bound by its identity).
pub(crate) fn counts_as_inherited(
    name: &str,
    request: &DeployRequest,
    patterns: Option<&[String]>,
) -> bool {
    const WITHOUT_MEANING: [&str; 8] = [
        "PATH",
        "TMPDIR",
        "SSH_AUTH_SOCK",
        "LANG",
        "LC_*",
        "TF_LOG*",
        "TF_DATA_DIR",
        "TF_CLI_ARGS*",
    ];
    inherits(patterns, name)
        && !request.env_vars.contains_key(name)
        && !NOT_INHERITED.contains(&name)
        && !WITHOUT_MEANING.iter().any(|it| fits(it, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Tool;

    fn of<T>(request: &DeployRequest, ask: impl Fn(&Commands<'_>) -> T) -> T {
        confined(SandboxMode::Auto, request, ask)
    }

    fn confined<T>(
        mode: SandboxMode,
        request: &DeployRequest,
        ask: impl Fn(&Commands<'_>) -> T,
    ) -> T {
        let environment = BTreeMap::from([("TF_CLI_CONFIG_FILE".to_owned(), "/c".into())]);
        ask(&Commands {
            request,
            session_dir: &SessionDir::at("/s".into()),
            root: Path::new("/s/source"),
            work_dir: Path::new("/s/source/net"),
            environment: &environment,
            inherit_env: None,
            grace: Duration::from_secs(7),
            sandbox: &SandboxRequest {
                mode,
                read: vec!["/r".into()],
                write: vec!["/w".into()],
                memory_limit_bytes: Some(1 << 30),
            },
        })
    }

    fn request(operation: Operation) -> DeployRequest {
        let mut request = DeployRequest::git(Tool::Tofu, "https://example.com/a.git", "main");
        request.operation = operation;
        request
    }

    #[test]
    fn init_reads_no_state_to_validate() {
        let table = [
            (Operation::Deploy, vec!["-input=false"]),
            (Operation::Validate, vec!["-input=false", "-backend=false"]),
        ];
        for (operation, expected) in table {
            let args = of(&request(operation), |it| {
                it.init(BTreeMap::new()).unwrap().args
            });
            assert_eq!(args, expected, "{operation:?}");
        }
    }

    #[test]
    fn flags_and_settings_become_arguments_in_the_order_in_which_they_win() {
        let mut request = request(Operation::Deploy);
        request.init_flags = "-upgrade '-backend-config=key=a b'".to_owned();
        request.plan_flags = "-compact-warnings".to_owned();
        request.targets = vec!["terraform_data.a[\"x y\"]".to_owned()];
        request.replace = vec!["terraform_data.b".to_owned()];
        request.variables.insert("size".to_owned(), 3.into());
        request
            .backend_config
            .insert("bucket".to_owned(), "b".to_owned());
        assert_eq!(
            of(&request, |it| it.init(BTreeMap::new()).unwrap().args),
            [
                "-input=false",
                "-upgrade",
                "-backend-config=key=a b",
                "-backend-config=/s/config/backend.tfbackend.json"
            ]
        );
        let files = ["/s/source/net/prod.tfvars".into()];
        assert_eq!(
            of(&request, |it| it.plan(&files).unwrap().args),
            [
                "-input=false",
                "-out=/s/plan/tfplan",
                "-target=terraform_data.a[\"x y\"]",
                "-replace=terraform_data.b",
                "-compact-warnings",
                "-var-file=/s/source/net/prod.tfvars",
                "-var-file=/s/config/variables.tfvars.json"
            ]
        );
    }

    #[test]
    fn the_operation_makes_the_plan() {
        let table = [
            (Operation::Deploy, None),
            (Operation::Plan, None),
            (Operation::Destroy, Some("-destroy")),
            (Operation::Drift, Some("-refresh-only")),
        ];
        for (operation, expected) in table {
            let args = of(&request(operation), |it| it.plan(&[]).unwrap().args);
            assert_eq!(args.get(2).map(String::as_str), expected, "{operation:?}");
        }
    }

    #[test]
    fn only_a_plan_that_is_applied_by_itself_tells_of_changes_by_its_exit_code() {
        for operation in Operation::ALL {
            for auto_approve in [false, true] {
                let mut request = request(operation);
                request.auto_approve = auto_approve;
                let args = of(&request, |it| it.plan(&[]).unwrap().args);
                let is_applied = matches!(operation, Operation::Deploy | Operation::Destroy);
                let tells = args.contains(&"-detailed-exitcode".to_owned());
                assert_eq!(tells, auto_approve && is_applied, "{operation:?}");
            }
        }
    }

    #[test]
    fn an_apply_is_of_the_plan_file_and_of_one_version() {
        let apply = of(&request(Operation::Deploy), |it| {
            it.apply(Some("1.6.2".to_owned()), None).unwrap()
        });
        assert_eq!(apply.args, ["-input=false", "/s/plan/tfplan"]);
        assert_eq!(apply.tool_version.as_deref(), Some("1.6.2"));
        assert_eq!(apply.on_disconnect, OnDisconnect::Finish);
        assert!(apply.env_vars.contains_key("TF_CLI_CONFIG_FILE"));
        assert_eq!((apply.timeout_minutes, apply.grace_seconds), (60.0, 7.0));
    }

    #[test]
    fn a_command_reaches_the_source_and_what_is_the_tools_own() {
        let from_git = request(Operation::Deploy);
        let mut from_directory = from_git.clone();
        from_directory.source = Source::Directory("/s/source".into());
        let plan = |it: &Commands<'_>| it.plan(&[]).unwrap();
        let sandbox = of(&from_git, |it| it.init(BTreeMap::new()).unwrap().sandbox);
        assert_eq!(sandbox.mode, SandboxMode::Auto);
        assert_eq!(texts(&sandbox.read), ["/r", "/s/config"]);
        assert_eq!(texts(&sandbox.write), ["/w", "/s/source", "/s/data"]);
        let sandbox = of(&from_directory, |it| plan(it).sandbox);
        assert_eq!(texts(&sandbox.read), ["/r", "/s/source", "/s/config"]);
        assert_eq!(texts(&sandbox.write), ["/w", "/s/data", "/s/plan/tfplan"]);
        for command in [
            of(&from_git, |it| it.show()),
            of(&from_git, |it| it.apply(None, None).unwrap()),
        ] {
            let read = command.sandbox.read;
            assert_eq!(texts(&read), ["/r", "/s/config", "/s/plan/tfplan"]);
        }
        let off = confined(SandboxMode::Off, &from_git, |it| plan(it).sandbox);
        assert_eq!(off.mode, SandboxMode::Off);
        assert!(off.read.is_empty() && off.write.is_empty());
        assert_eq!(off.memory_limit_bytes, Some(1 << 30));
    }

    fn texts(paths: &[PathBuf]) -> Vec<&str> {
        paths.iter().map(|path| path.to_str().unwrap()).collect()
    }

    #[test]
    fn an_apply_has_its_flags_and_the_variables_where_they_are_needed() {
        let mut request = request(Operation::Deploy);
        request.plan_flags = "-parallelism=1 -var a=b -refresh=false".to_owned();
        request.apply_flags = "-parallelism=2 -lock-timeout 5s".to_owned();
        request.variables.insert("size".to_owned(), 3.into());
        let flags = [
            "-input=false",
            "-parallelism=1",
            "-parallelism=2",
            "-lock-timeout",
            "5s",
        ];
        let apply = of(&request, |it| it.apply(None, None).unwrap());
        assert_eq!(apply.args, [&flags[..], &["/s/plan/tfplan"]].concat());
        let files = ["/s/source/net/prod.tfvars".into()];
        let apply = of(&request, |it| it.apply(None, Some(&files)).unwrap());
        let variables = [
            "-var=a=b",
            "-var-file=/s/source/net/prod.tfvars",
            "-var-file=/s/config/variables.tfvars.json",
            "/s/plan/tfplan",
        ];
        assert_eq!(apply.args, [&flags[..], &variables].concat());
    }

    #[test]
    fn a_workspace_is_chosen_when_one_is_named() {
        let mut request = request(Operation::Deploy);
        assert!(of(&request, |it| it.workspace()).is_none());
        request.workspace = Some("blue".to_owned());
        let command = of(&request, |it| it.workspace()).unwrap();
        assert_eq!(command.args, ["select", "-or-create", "blue"]);
    }

    #[test]
    fn only_what_deploys_makes_a_workspace() {
        let table = [
            (Operation::Plan, Some(["select", "blue"])),
            (Operation::Destroy, Some(["select", "blue"])),
            (Operation::Drift, Some(["select", "blue"])),
            (Operation::Validate, None),
        ];
        for (operation, expected) in table {
            let mut request = request(operation);
            request.workspace = Some("blue".to_owned());
            let args = of(&request, |it| it.workspace().map(|command| command.args));
            assert_eq!(args, expected.map(|args| args.map(str::to_owned).to_vec()));
        }
    }

    #[test]
    fn no_command_has_the_hosts_arguments_or_its_choice_of_state() {
        let mut request = request(Operation::Deploy);
        request
            .env_vars
            .insert("TF_WORKSPACE".to_owned(), "blue".into());
        let command = of(&request, |it| it.validate());
        let value = |name| {
            let value = command.env_vars.get(name);
            value.map(secrecy::ExposeSecret::expose_secret)
        };
        assert_eq!(value("TF_DATA_DIR"), Some("/s/data"));
        assert_eq!(value("TF_CLI_ARGS_plan"), Some(""));
        assert_eq!(value("TF_REATTACH_PROVIDERS"), Some(""));
        assert_eq!(value("TF_WORKSPACE"), Some("blue"), "the request's own");
    }

    #[test]
    fn what_prints_sensitive_values_prints_nothing_else() {
        for command in [
            of(&request(Operation::Deploy), |it| it.show()),
            of(&request(Operation::Deploy), |it| it.output()),
        ] {
            assert!(command.run_dir.is_none());
            assert!(command.args.contains(&"-json".to_owned()));
            assert!(command.env_vars.contains_key("TF_LOG"));
        }
    }

    #[test]
    fn what_comes_after_the_choice_of_a_workspace_is_in_it() {
        let mut request = request(Operation::Deploy);
        request.workspace = Some("blue".to_owned());
        let workspace = |request: Request| {
            let value = request.env_vars.get("TF_WORKSPACE");
            value.map(|it| secrecy::ExposeSecret::expose_secret(it).to_owned())
        };
        let init = of(&request, |it| it.init(BTreeMap::new())).unwrap();
        let select = of(&request, |it| it.workspace()).unwrap();
        assert_eq!(
            [init, select].map(workspace),
            [Some(String::new()), Some(String::new())]
        );
        let after = [
            of(&request, |it| it.plan(&[])).unwrap(),
            of(&request, |it| it.show()),
            of(&request, |it| it.apply(Some("1.11.4".to_owned()), None)).unwrap(),
            of(&request, |it| it.output()),
        ];
        for request in after {
            let command = request.command.clone();
            assert_eq!(workspace(request).as_deref(), Some("blue"), "{command}");
        }
    }
}
