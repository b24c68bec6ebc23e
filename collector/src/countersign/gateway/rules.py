"""The rules by which the gateway refuses, with their statuses."""

STATUS_OF = {
    "gateway.token": 401,
    "gateway.address": 404,
    "gateway.method": 405,
    "gateway.other_plan": 409,
    "gateway.late": 410,
    "gateway.length": 411,
    "gateway.too_large": 413,
    "gateway.content_type": 415,
    "gateway.malformed": 422,
    "gateway.counts": 422,
    "gateway.period": 422,
    "gateway.future": 422,
    "gateway.event_type": 422,
    "gateway.event": 422,
    "gateway.tensor": 422,
    "gateway.names": 422,
    "gateway.rows": 422,
    "gateway.full": 503,
    "gateway.disk": 503,
}
