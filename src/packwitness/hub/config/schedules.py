"""The one table of what is done again and again by the task workers.

Name -> ``{"task": dotted path of a @task, "every": seconds}`` or ``"cron"`` (UTC). Each tick runs once,
however many workers there are; a tick missed while none ran is made up for once.
"""

from typing import Any

SCHEDULES: dict[str, dict[str, Any]] = {
    "outbox-sweep": {"task": "packwitness.hub.outbox.tasks.sweep", "every": 3600},
    "notify-sweep": {"task": "packwitness.hub.notify.tasks.sweep", "every": 60},
}
