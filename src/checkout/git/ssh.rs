//! How git calls ssh.

use crate::checkout::credentials::offer::Offer;

/// Options besides git's own arguments: this key, these hosts, no prompts, and no settings of this machine.
const OPTIONS: [&str; 15] = [
    "GlobalKnownHostsFile=/dev/null",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "BatchMode=yes",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ControlMaster=no",
    "ControlPath=none",
    "PermitLocalCommand=no",
    "ConnectTimeout=30",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
];

/// Returns the command that git passes to a shell.
///
/// ssh closes every descriptor that it inherits, so it reads the key and the host keys through the shell that
/// started it and waits for it.
pub(crate) fn ssh_command(offer: Offer, further_options: &str) -> String {
    let (key, hosts) = match offer {
        Offer::Key {
            private_key,
            known_hosts,
        } => (
            format!(" -i /proc/$$/fd/{private_key}"),
            format!("/proc/$$/fd/{known_hosts}"),
        ),
        Offer::Nothing | Offer::Login { .. } => (String::new(), "/dev/null".to_owned()),
    };
    let options = options_text(&[]);
    format!(
        "k() {{ ssh -F /dev/null{key} -o UserKnownHostsFile={hosts}{options}{further_options} \"$@\"; return $?; }}; k"
    )
}

/// Formats the options as arguments, except for some.
pub(crate) fn options_text(without: &[&str]) -> String {
    OPTIONS
        .iter()
        .filter(|option| !without.contains(option))
        .map(|option| format!(" -o {option}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_uses_the_given_key_and_hosts_without_prompts() {
        let command = ssh_command(
            Offer::Key {
                private_key: 17,
                known_hosts: 18,
            },
            " -o HostName=1.2.3.4",
        );
        for part in [
            "-F /dev/null",
            "-i /proc/$$/fd/17",
            "UserKnownHostsFile=/proc/$$/fd/18",
            "StrictHostKeyChecking=yes",
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            " -o HostName=1.2.3.4 \"$@\"",
        ] {
            assert!(command.contains(part), "{part} in {command}");
        }
    }

    #[test]
    fn without_a_key_there_is_none_and_no_host_is_known() {
        let command = ssh_command(Offer::Nothing, "");
        assert!(command.contains("UserKnownHostsFile=/dev/null") && !command.contains(" -i "));
    }
}
