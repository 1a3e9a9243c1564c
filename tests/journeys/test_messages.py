"""A message to a telephone, from the prison to the gateway of the stack and back by its signed receipt."""

from typing import Any

from tests.journeys.cases import Case, a_release
from tests.journeys.house import AT_SEKAYU, House, eventually

SELECT_TOLD = """
    SELECT recipient, channel, state, parcel, message_id FROM notification WHERE about = $1 AND channel <> 'IN_APP'
"""


async def test_whoever_is_on_duty_with_a_telephone_gets_a_message_and_the_receipt_comes_back(house: House) -> None:
    case = Case(house, a_release(facility="LP-SKY")).published()
    await case.reaches("released")

    async def told() -> list[dict[str, Any]]:
        rows = [dict(row) for row in await house.databases.rows("notifications", SELECT_TOLD, case.id)]
        on_duty = [row for row in rows if row["recipient"] in AT_SEKAYU]
        return on_duty if on_duty and all(row["state"] == "delivered" for row in on_duty) else []

    rows = await eventually(told, "the receipt")

    messages = {each["key"]: each for each in await house.messages()}
    assert {row["channel"] for row in rows} == {"GATEWAY"}
    for row in rows:
        message = messages[str(row["parcel"])]
        assert (message["template"], message["times_given"]) == ("released.v1", 1)
        assert message["reports"] == ["accepted", "delivered"]
        assert "Budi" not in message["text"]
