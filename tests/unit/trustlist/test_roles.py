"""Which paths a role may publish: one plain name in its own folder."""

from __future__ import annotations

import pytest

from trustlist import roles


@pytest.mark.req("K02")
@pytest.mark.parametrize(
    "path",
    [
        "", "rules", "rules/", "rules/.x", "rules/a/b", "rules/..", "/rules/a", "rules/a b", "rules/a\\b",
        "rules/a\n", "rules/ă.json", "root/1.json", "snapshot/x", "unknown/x", "rules/" + "x" * 129,
    ],
)  # fmt: skip
def test_other_paths_belong_to_nobody(path: str) -> None:
    assert roles.role_of(path) is None


@pytest.mark.req("K02")
def test_each_role_owns_its_folder() -> None:
    assert {name: roles.role_of(f"{name}/file-1.0+a.json") for name in roles.DELEGATED} == {
        name: roles.BY_NAME[name] for name in roles.DELEGATED
    }
