use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::super::hash::MAX_FILE_BYTES;
use super::*;
use crate::protocol::SandboxRequest;

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::write(root.join("main.tf"), "a").unwrap();
    fs::create_dir_all(root.join("sub/.terraform/modules/m")).unwrap();
    fs::create_dir_all(root.join("sub/.terraform/providers")).unwrap();
    fs::write(root.join("sub/.terraform/modules/m/main.tf"), "m").unwrap();
    fs::write(root.join("run.sh"), "s").unwrap();
    symlink("main.tf", root.join("link.tf")).unwrap();
    dir
}

fn digest(root: &Path) -> String {
    of_tree(
        root,
        &root.join("sub"),
        root,
        &ReadableDirs::unlimited(),
        &|| false,
    )
    .unwrap()
}

#[test]
fn each_change_of_a_file_changes_the_digest() {
    type Change = fn(&Path);
    let table: [(&str, Change); 16] = [
        ("bytes", |root| {
            fs::write(root.join("main.tf"), "b").unwrap();
        }),
        ("a new file", |root| {
            fs::write(root.join("new.tf"), "").unwrap();
        }),
        ("a file less", |root| {
            fs::remove_file(root.join("run.sh")).unwrap();
        }),
        ("a name", |root| {
            fs::rename(root.join("run.sh"), root.join("ran.sh")).unwrap();
        }),
        ("the target of a link", |root| {
            fs::remove_file(root.join("link.tf")).unwrap();
            symlink("run.sh", root.join("link.tf")).unwrap();
        }),
        ("an execute bit", |root| {
            fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        }),
        ("an empty directory", |root| {
            fs::create_dir(root.join("empty")).unwrap();
        }),
        ("configuration with the name of a state", |root| {
            fs::write(root.join("x.tfstate.tf"), "").unwrap();
        }),
        ("a state by its name alone", |root| {
            fs::write(root.join("seed.tfstate"), "").unwrap();
        }),
        ("data of a tool that does not run there", |root| {
            fs::create_dir(root.join(".terraform")).unwrap();
            fs::write(root.join(".terraform/hook.sh"), "").unwrap();
        }),
        ("a program in the tool's data", |root| {
            fs::write(root.join("sub/.terraform/hook.sh"), "").unwrap();
        }),
        ("git below the root", |root| {
            fs::write(root.join("sub/.git"), "").unwrap();
        }),
        ("a file among states", |root| {
            fs::create_dir_all(root.join("sub/terraform.tfstate.d/prod")).unwrap();
            fs::write(root.join("sub/terraform.tfstate.d/prod/notes"), "").unwrap();
        }),
        ("a directory below those of workspaces", |root| {
            fs::create_dir_all(root.join("sub/terraform.tfstate.d/prod/deep")).unwrap();
        }),
        ("a program among states", |root| {
            fs::create_dir(root.join("sub/terraform.tfstate.d")).unwrap();
            fs::write(root.join("sub/terraform.tfstate.d/run.sh"), "").unwrap();
        }),
        ("a downloaded module", |root| {
            fs::write(root.join("sub/.terraform/modules/m/main.tf"), "n").unwrap();
        }),
    ];
    for (what, change) in table {
        let dir = tree();
        let before = digest(dir.path());
        change(dir.path());
        assert_ne!(digest(dir.path()), before, "{what}");
    }
}

const STATE: &str = "{\"version\": 4, \"serial\": 7, \"lineage\": \"x\", \"resources\": []}";

/// Names of states and of files beside them, in the directory of the tool.
const NAMES_OF_STATE: [&str; 6] = [
    "terraform.tfstate",
    "terraform.tfstate.backup",
    "terraform.tfstate.1700000000.backup",
    ".terraform.tfstate.lock.info",
    "errored.tfstate",
    "terraform.tfstate.d/prod/terraform.tfstate",
];

#[test]
fn states_and_the_lock_file_do_not_count() {
    let dir = tree();
    let work_dir = dir.path().join("sub");
    fs::create_dir_all(work_dir.join("terraform.tfstate.d/prod")).unwrap();
    let before = digest(dir.path());
    let encrypted = "{\"serial\":1,\"lineage\":\"x\",\"encrypted_data\":\"eA==\"}";
    let lock = "{\"ID\":\"1\",\"Operation\":\"OperationTypeApply\",\"Who\":\"a@b\"}";
    for name in NAMES_OF_STATE {
        for content in ["", STATE, encrypted, lock] {
            fs::write(work_dir.join(name), content).unwrap();
            assert_eq!(digest(dir.path()), before, "{name}: {content}");
        }
    }
    fs::write(work_dir.join(".terraform.lock.hcl"), "x").unwrap();
    assert_eq!(digest(dir.path()), before);
}

#[test]
fn program_with_the_name_of_a_state_counts() {
    let dir = tree();
    let work_dir = dir.path().join("sub");
    fs::create_dir_all(work_dir.join("terraform.tfstate.d/prod")).unwrap();
    let other_names = ["crash.log", ".git", ".terraform/terraform.tfstate"];
    for name in NAMES_OF_STATE.into_iter().chain(other_names) {
        for content in ["touch x\n", "{ touch x; }\n", "{\"version\": 4}"] {
            let before = digest(dir.path());
            fs::write(work_dir.join(name), content).unwrap();
            assert_ne!(digest(dir.path()), before, "{name}: {content}");
        }
    }
}

#[test]
fn state_that_is_being_written_does_not_count() {
    let dir = tree();
    let before = digest(dir.path());
    let state = dir.path().join("sub/terraform.tfstate");
    fs::write(&state, &STATE[..20]).unwrap();
    let writer = std::thread::spawn(move || fs::write(state, STATE).unwrap());
    assert_eq!(digest(dir.path()), before);
    writer.join().unwrap();
}

#[test]
fn large_directories_of_the_tools_count_by_metadata() {
    let dir = tree();
    for folder in [".git/objects", "sub/.terraform/providers"] {
        let folder = dir.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("file");
        for content in ["a", "b"] {
            let before = digest(dir.path());
            fs::write(&file, content).unwrap();
            assert_ne!(digest(dir.path()), before, "{content}");
        }
        // Its bytes are not read.
        fs::File::create(&file)
            .unwrap()
            .set_len(MAX_FILE_BYTES + 1)
            .unwrap();
        let before = digest(dir.path());
        assert_eq!(digest(dir.path()), before);
    }
}

#[test]
fn bytes_of_a_source_are_limited() {
    let dir = tree();
    let sparse = fs::File::create(dir.path().join("sparse")).unwrap();
    sparse.set_len(MAX_BYTES_INSIDE + 1).unwrap();
    let reach = ReadableDirs::unlimited();
    let digest = of_tree(dir.path(), dir.path(), dir.path(), &reach, &|| false);
    let fault = digest.unwrap_err().to_string();
    assert!(fault.contains("sparse"), "{fault}");
    assert!(fault.contains("larger than 16 GiB"), "{fault}");
}

#[test]
fn what_a_link_leads_to_counts_wherever_it_is() {
    let dir = tree();
    let root = dir.path();
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("deep")).unwrap();
    symlink(outside.path(), outside.path().join("deep/round")).unwrap();
    symlink(outside.path(), root.join("scripts")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("sub/.terraform/providers", root.join("programs")).unwrap();
    let mut before = digest(root);
    for path in [
        outside.path().join("run.sh"),
        outside.path().join("deep/run.sh"),
        root.join("sub/.terraform/providers/run.sh"),
    ] {
        for content in ["reviewed", "changed"] {
            fs::write(&path, content).unwrap();
            let after = digest(root);
            assert_ne!(after, before, "{}: {content}", path.display());
            before = after;
        }
    }
}

#[test]
fn what_the_tool_cannot_read_is_not_read() {
    let dir = tree();
    let root = dir.path();
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir_all(outside.path().join("listed")).unwrap();
    symlink(outside.path(), root.join("far")).unwrap();
    symlink(outside.path().join("file"), root.join("file")).unwrap();
    symlink(outside.path().join("listed"), root.join("near")).unwrap();
    let sandbox = SandboxRequest {
        read: vec![outside.path().join("listed"), "/nowhere".into()],
        ..SandboxRequest::default()
    };
    let reach = ReadableDirs::confined(&sandbox, &[root]).unwrap();
    let digest = || of_tree(root, &root.join("sub"), root, &reach, &|| false).unwrap();
    fs::write(outside.path().join("file"), "a").unwrap();
    let mut before = digest();
    fs::write(outside.path().join("file"), "b").unwrap();
    assert_eq!(digest(), before);
    for path in [outside.path().join("listed/file"), root.join("sub/file")] {
        fs::write(&path, "a").unwrap();
        let after = digest();
        assert_ne!(after, before, "{}", path.display());
        before = after;
    }

    let far = [outside.path().canonicalize().unwrap()];
    let beside = || of_modules_outside(&far, root, &reach, &|| false).unwrap();
    let before = beside();
    fs::write(outside.path().join("file"), "c").unwrap();
    assert_eq!(beside(), before);
}

#[test]
fn bytes_outside_of_a_source_are_limited() {
    let dir = tree();
    let outside = tempfile::tempdir().unwrap();
    let sparse = fs::File::create(outside.path().join("sparse")).unwrap();
    sparse.set_len(MAX_BYTES_OUTSIDE + 1).unwrap();
    let relative = dir.path().join("sub/data");
    for target in [outside.path().to_owned(), outside.path().join("sparse")] {
        symlink(&target, &relative).unwrap();
        let reach = ReadableDirs::unlimited();
        let digest = of_tree(dir.path(), dir.path(), dir.path(), &reach, &|| false);
        let fault = digest.unwrap_err().to_string();
        assert!(fault.contains("bytes of files outside"), "{fault}");
        fs::remove_file(&relative).unwrap();
    }
}

#[test]
fn what_the_kernel_makes_up_is_not_read() {
    let dir = tree();
    symlink("/proc/self/pagemap", dir.path().join("endless")).unwrap();
    symlink("/sys", dir.path().join("system")).unwrap();
    assert_eq!(digest(dir.path()), digest(dir.path()));
}

#[test]
fn a_source_is_known_again_after_init_and_not_without_a_byte_of_its_files() {
    let dir = tree();
    let root = dir.path();
    let work_dir = root.join("sub");
    let fetched = of_source(root, &work_dir, &|| false).unwrap();
    assert_eq!(fetched.names, b"link.tf\0main.tf\0run.sh\0");
    let digest = |names| of_fetched(root, &work_dir, names, &|| false).unwrap();
    let again = || digest(Some(&fetched.names[..]));
    fs::write(root.join("sub/.terraform/modules/m/main.tf"), "n").unwrap();
    fs::write(root.join("sub/.terraform.lock.hcl"), "").unwrap();
    fs::create_dir_all(root.join("sub/terraform.tfstate.d/prod")).unwrap();
    assert_eq!(
        (again(), digest(None)),
        (fetched.digest.clone(), fetched.digest.clone())
    );
    fs::write(root.join("sub/built.zip"), "z").unwrap();
    assert_eq!(again(), fetched.digest);
    assert_ne!(digest(None), fetched.digest);
    assert_ne!(digest(Some(b"")), fetched.digest);
    fs::write(root.join("main.tf"), "").unwrap();
    assert_ne!(again(), fetched.digest);
    fs::write(root.join("main.tf"), "a").unwrap();
    assert_eq!(again(), fetched.digest);
    fs::remove_file(root.join("run.sh")).unwrap();
    assert_ne!(again(), fetched.digest);
}

#[test]
fn a_state_that_was_fetched_is_known_again() {
    let dir = tree();
    let state = dir.path().join("sub/terraform.tfstate");
    fs::write(&state, "{}").unwrap();
    let work_dir = dir.path().join("sub");
    let fetched = of_source(dir.path(), &work_dir, &|| false).unwrap();
    fs::write(&state, "").unwrap();
    let now = of_fetched(dir.path(), &work_dir, Some(&fetched.names), &|| false).unwrap();
    assert_ne!(now, fetched.digest);
}

#[test]
fn modules_beside_a_source_count_and_have_an_end() {
    let dir = tree();
    let dirs = [dir.path().join("sub"), dir.path().canonicalize().unwrap()];
    let digest =
        || of_modules_outside(&dirs, dir.path(), &ReadableDirs::unlimited(), &|| false).unwrap();
    let before = digest();
    fs::write(dir.path().join("terraform.tfstate"), STATE).unwrap();
    assert_eq!(digest(), before);
    fs::write(dir.path().join("run.sh"), "t").unwrap();
    assert_ne!(digest(), before);
    let root = Path::new("/");
    let mut walk = TreeWalk::new(root, root, Extent::Approval, &|| false);
    walk.is_outside = true;
    walk.left_outside.entries = 10;
    let fault = walk.digest().unwrap_err();
    assert!(
        fault.to_string().contains("modules lead to more"),
        "{fault}"
    );
}

#[test]
fn a_digest_that_is_not_wanted_any_more_ends() {
    let dir = tree();
    let fault = of_tree(
        dir.path(),
        dir.path(),
        dir.path(),
        &ReadableDirs::unlimited(),
        &|| true,
    )
    .unwrap_err();
    assert_eq!(fault.kind(), io::ErrorKind::Interrupted);
}
