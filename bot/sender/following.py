"""What became of messages that a colleague sent at the push of a button: whatever never arrived is open again, and a
person is asked to go on.
"""

from bot.runtime import Runtime
from bot.sender.mending import call_unreached
from campaigns import fairs, introducing


async def follow_up(runtime: Runtime) -> None:
    now = runtime.clock()
    await introducing.open_again(now)
    await introducing.ask_to_tell(now)
    await fairs.withdraw_unsent()
    await call_unreached(runtime)
