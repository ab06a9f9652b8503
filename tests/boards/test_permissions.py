"""What `elegans doctor` says of this user's rights, with a remedy for what is missing."""

from __future__ import annotations

import os

import pytest

from elegans.boards import doctor, permissions

_RULE = 'ATTRS{idVendor}=="0d28", MODE:="660", TAG+="uaccess"\n'


@pytest.fixture
def nobody(monkeypatch):
    """A user who is not root, and in no group but their own."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 1000)
    monkeypatch.setattr(os, "getgroups", lambda: [1000])
    monkeypatch.setattr(os, "access", lambda path, mode: False)


@pytest.mark.parametrize("group", ["dialout", "uucp"])
def test_the_group_of_serial_ports_is_named_with_the_command_that_joins_it(
    tmp_path, nobody, monkeypatch, group
):
    (groups := tmp_path / "group").write_text(f"root:x:0:\n{group}:x:20:\n")
    finding = permissions.serial_ports(tmp_path, groups)
    assert not finding.present
    assert finding.remedy == f"sudo usermod -aG {group} $USER, then log in again"
    monkeypatch.setattr(os, "getgroups", lambda: [1000, 20])
    assert f"group {group}" in str(permissions.serial_ports(tmp_path, groups))


def test_a_port_that_is_there_and_cannot_be_opened_is_named(tmp_path, nobody):
    (tmp_path / "ttyACM0").touch()
    text = str(permissions.serial_ports(tmp_path, tmp_path / "none"))
    assert "ttyACM0 cannot be opened; sudo usermod -aG dialout" in text


def test_rules_that_let_users_reach_a_probe_are_found(tmp_path):
    (tmp_path / "10-disk.rules").write_text('ATTRS{idVendor}=="8086", MODE:="660"\n')
    finding = permissions.udev_rules([tmp_path, tmp_path / "none"])
    assert not finding.present
    assert "/etc/udev/rules.d" in str(finding)
    (tmp_path / "50-cmsis-dap.rules").write_text(_RULE)
    assert permissions.udev_rules([tmp_path]).detail == "50-cmsis-dap.rules"


@pytest.mark.parametrize("home", [None, "/nonexistent"])
def test_a_missing_home_is_told_and_is_no_failure(tmp_path, monkeypatch, home):
    for name in ("HOME", "XDG_CACHE_HOME", "ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    finding = {finding.name: finding for finding in doctor.examine()}["cache"]
    assert not finding.present
    assert not finding.needed
    assert "HOME is not set or cannot be written" in str(finding)
