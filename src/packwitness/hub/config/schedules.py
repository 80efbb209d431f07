"""The one table of what is done again and again by the task workers.

Name -> ``{"task": dotted path of a @task, "every": seconds}`` or ``"cron"`` (UTC). Each tick runs once,
however many workers there are; a tick missed while none ran is made up for once.
"""

from typing import Any

SCHEDULES: dict[str, dict[str, Any]] = {
    "outbox-sweep": {"task": "packwitness.hub.outbox.tasks.sweep", "every": 3600},
    "sessions-sweep": {"task": "packwitness.hub.tenants.tasks.sweep", "every": 86_400},
    "notary-checkpoint": {"task": "packwitness.hub.notary.tasks.sign_checkpoint", "every": 600},
    "notary-stamps": {"task": "packwitness.hub.notary.tasks.stamp_again", "every": 300},
    "recordings-sweep": {"task": "packwitness.hub.recordings.tasks.sweep", "every": 3600},
    "notify-sweep": {"task": "packwitness.hub.notify.tasks.sweep", "every": 60},
}
