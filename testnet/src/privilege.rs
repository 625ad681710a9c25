//! The privilege by which namespaces are made, and what this machine lacks for it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

const TUN: &str = "/dev/net/tun";
/// The tools that every test needs, and their packages.
const TOOLS: [(&str, &str); 3] =
    [("ip", "iproute2"), ("unshare", "util-linux"), ("mount", "mount")];

/// The settings that forbid user namespaces, the values that do, and values that allow them.
const SETTINGS: [(&str, &str, &str); 3] = [
    ("user.max_user_namespaces", "0", "10000"),
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
];

/// The privilege by which namespaces are made.
#[derive(Clone, Copy)]
pub(crate) enum Privilege {
    Root,
    UserNamespace,
}

/// The command that runs another command in new namespaces.
pub(crate) fn unshare(privilege: Privilege) -> Command {
    let mut command = Command::new("unshare");
    match privilege {
        Privilege::Root => {}
        Privilege::UserNamespace => drop(command.args(["--user", "--map-root-user"])),
    }
    command.args(["--net", "--mount"]);
    command
}

/// A requirement that this machine lacks, and the command that supplies it.
pub(crate) struct Lack {
    pub(crate) what: String,
    pub(crate) cure: String,
}

/// The privilege that this process has.
pub(crate) fn privilege() -> Result<Privilege, &'static Lack> {
    static PRIVILEGE: OnceLock<Result<Privilege, Lack>> = OnceLock::new();
    PRIVILEGE.get_or_init(find_privilege).as_ref().copied()
}

fn find_privilege() -> Result<Privilege, Lack> {
    let lack = |what, cure| Err(Lack { what, cure });
    let runs = |tool| Command::new(tool).arg("-V").output().is_ok();
    if let Some((tool, package)) = TOOLS.iter().find(|(tool, _)| !runs(tool)) {
        return lack(format!("`{tool}` is missing"), format!("apt-get install {package}"));
    }
    if !Path::new(TUN).exists() {
        return lack(format!("{TUN} is missing"), "modprobe tun".to_owned());
    }
    let works = |privilege| {
        let output = unshare(privilege).args(["sh", "-c", &format!("exec 3<>{TUN}")]).output();
        let Output { status, stderr, .. } = output.map_err(|error| error.to_string())?;
        let why = || String::from_utf8_lossy(&stderr).trim().replace('\n', ", ");
        status.success().then_some(privilege).ok_or_else(why)
    };
    let found = works(Privilege::Root).or_else(|_| works(Privilege::UserNamespace));
    found.or_else(|why| lack(format!("namespaces are missing: {why}"), allow_namespaces()))
}

/// The command that allows namespaces.
fn allow_namespaces() -> String {
    let path = |name: &str| format!("/proc/sys/{}", name.replace('.', "/"));
    let is = |name, value| fs::read_to_string(path(name)).is_ok_and(|text| text.trim() == value);
    match SETTINGS.iter().find(|(name, forbids, _)| is(name, *forbids)) {
        Some((name, _, allows)) => format!("sysctl -w {name}={allows}"),
        None => "the same command as root, in a container with `--privileged`".to_owned(),
    }
}
