"""Fairs and joint recruiting: who is invited, what they answer, who came; each of it a touch."""

from campaigns.fairs.invitations import (
    MEDIUM as MEDIUM,
)
from campaigns.fairs.invitations import (
    count_invitations as count_invitations,
)
from campaigns.fairs.invitations import (
    find_invitation as find_invitation,
)
from campaigns.fairs.invitations import (
    hear_answer as hear_answer,
)
from campaigns.fairs.invitations import (
    invitations_to as invitations_to,
)
from campaigns.fairs.invitations import (
    invite as invite,
)
from campaigns.fairs.invitations import (
    record_answer as record_answer,
)
from campaigns.fairs.invitations import (
    record_attendance as record_attendance,
)
from campaigns.fairs.invitations import (
    room_in as room_in,
)
from campaigns.fairs.invitations import (
    withdraw_unsent as withdraw_unsent,
)
from campaigns.fairs.ledger import (
    end_fair as end_fair,
)
from campaigns.fairs.ledger import (
    fair_faults as fair_faults,
)
from campaigns.fairs.ledger import (
    find_fair as find_fair,
)
from campaigns.fairs.ledger import (
    list_fairs as list_fairs,
)
from campaigns.fairs.ledger import (
    make_fair as make_fair,
)
from campaigns.fairs.values import (
    ANSWERS as ANSWERS,
)
from campaigns.fairs.values import (
    CUSTOMER as CUSTOMER,
)
from campaigns.fairs.values import (
    ENDS as ENDS,
)
from campaigns.fairs.values import (
    Answer as Answer,
)
from campaigns.fairs.values import (
    FairRow as FairRow,
)
from campaigns.fairs.values import (
    Invitation as Invitation,
)
from campaigns.fairs.values import (
    Kind as Kind,
)
