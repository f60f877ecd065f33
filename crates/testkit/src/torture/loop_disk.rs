//! A disk whose power can be cut: an ext4 image on a loop device.
//!
//! `EXT4_IOC_SHUTDOWN` with flag 2 makes the file system drop everything that was not synced, its journal included, and
//! fail all further I/O: what a power cut leaves. `kill -9` alone tests no durability, because the page cache survives.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

/// Calls the shutdown ioctl: Rust would need `unsafe` for it.
const CUT: &str = "import fcntl,os,struct,sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

/// Size of the image; sparse, so that it costs what is written.
const SIZE: u64 = 512 << 20;

/// Longest time for one command.
const LIMIT: Duration = Duration::from_secs(20);

/// A mounted image. Unmounted, and its loop device given back, when dropped.
#[derive(Debug)]
pub(super) struct LoopDisk {
    image: PathBuf,
    mount: PathBuf,
}

impl LoopDisk {
    /// Makes an image in `folder` and mounts it.
    ///
    /// # Errors
    /// If this machine cannot: no root, no loop devices, a tool missing. The text says which.
    pub(super) async fn create(folder: &Path) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            bail!("needs root to mount");
        }
        let disk = Self { image: folder.join("disk.img"), mount: folder.join("disk") };
        std::fs::create_dir(&disk.mount)?;
        std::fs::File::create(&disk.image)?.set_len(SIZE)?;
        tool(Command::new("python3").args(["-c", "import fcntl"])).await?;
        tool(Command::new("mkfs.ext4").arg("-qF").arg(&disk.image)).await?;
        disk.mount().await?;
        Ok(disk)
    }

    /// Where the disk is mounted.
    #[must_use]
    pub(super) fn path(&self) -> &Path {
        &self.mount
    }

    /// Mounts it; recovery of the journal happens here.
    ///
    /// # Errors
    /// If the mount fails.
    pub(super) async fn mount(&self) -> Result<()> {
        tool(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mount)).await
    }

    /// Cuts the power: from now on all I/O on the disk fails, and what was not synced is gone.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub(super) async fn cut(&self) -> Result<()> {
        tool(Command::new("python3").args(["-c", CUT]).arg(&self.mount)).await
    }

    /// Unmounts it, which needs every process to have left.
    ///
    /// # Errors
    /// If it stays busy.
    pub(super) async fn unmount(&self) -> Result<()> {
        let mut tries = 0;
        loop {
            match tool(Command::new("umount").arg(&self.mount)).await {
                Err(error) if tries >= 20 => return Err(error),
                Err(_) => tries += 1,
                Ok(()) => return Ok(()),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        // Best effort and in this order: a mount by `-o loop` gives its device back when it goes; `losetup` is for a
        // mount that failed half-way. Errors mean that there was nothing left to do.
        let quiet = |program: &str, arguments: &[&str], path: &Path| {
            let mut command = std::process::Command::new(program);
            command.args(arguments).arg(path).stdout(Stdio::piped()).stderr(Stdio::null()).output().ok()
        };
        quiet("umount", &["-l"], &self.mount);
        if let Some(devices) = quiet("losetup", &["-n", "-O", "NAME", "-j"], &self.image) {
            for device in String::from_utf8_lossy(&devices.stdout).lines() {
                quiet("losetup", &["-d"], Path::new(device.trim()));
            }
        }
    }
}

/// Runs a tool to its end.
async fn tool(command: &mut Command) -> Result<()> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await.with_context(|| format!("{name} hangs"))?;
    let output = output.with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        bail!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[tokio::test]
    async fn a_cut_disk_keeps_what_was_synced_and_forgets_what_was_not() {
        let folder = tempfile::tempdir().unwrap();
        // Where there is no root and no loop device, there is nothing to test.
        let Ok(disk) = LoopDisk::create(folder.path()).await else { return };
        let (synced, unsynced) = (disk.path().join("synced"), disk.path().join("unsynced"));
        let mut file = std::fs::File::create(&synced).unwrap();
        file.write_all(b"kept").unwrap();
        file.sync_all().unwrap();
        std::fs::write(&unsynced, b"lost").unwrap();
        drop(file);
        disk.cut().await.unwrap();
        assert!(std::fs::write(disk.path().join("after"), b"x").is_err());
        disk.unmount().await.unwrap();
        disk.mount().await.unwrap();
        assert_eq!(std::fs::read(&synced).unwrap(), b"kept");
        assert!(std::fs::read(&unsynced).map_or(true, |left| left.is_empty()));
        drop(disk);
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
        assert!(!mounts.contains(folder.path().to_str().unwrap()));
    }
}
