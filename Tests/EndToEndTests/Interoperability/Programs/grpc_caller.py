"""Calls the shop with grpcio and prints what came back as one line of JSON.

    grpc_caller.py order USERS ORDERS [NAME=VALUE …]   creates a user and an order, with this metadata
    grpc_caller.py refusals USERS ORDERS               makes calls that must be refused
    grpc_caller.py health TARGET SERVICE               asks for the health of a server
"""

import json
import sys
import uuid

import grpc

from shop_stubs import errors, health, health_services, orders, orders_services, users, users_services

TIMEOUT = 15


def create_user(channel, metadata=()):
    request = users.CreateUserRequest(email=f"grpcio-{uuid.uuid4()}@example.com", display_name="Grace")
    return users_services.UserServiceStub(channel).CreateUser(request, metadata=metadata, timeout=TIMEOUT).user


def order_request(user, quantity=1):
    line = orders.OrderLine(sku="book", quantity=quantity, unit_price_minor_units=1250)
    return orders.CreateOrderRequest(user_id=user, currency_code="EUR", lines=[line])


def order(users_target, orders_target, *pairs):
    metadata = [tuple(pair.split("=", 1)) for pair in pairs]
    with grpc.insecure_channel(users_target) as channel:
        user = create_user(channel, metadata)
    with grpc.insecure_channel(orders_target) as channel:
        stub = orders_services.OrderServiceStub(channel)
        created = stub.CreateOrder(order_request(user.id), metadata=metadata, timeout=TIMEOUT).order
    return {"userID": user.id, "orderID": created.id, "total": created.total_minor_units}


def refusal(call):
    """The status of a call that is refused, with its details as messages of their types."""
    try:
        call()
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata())
        status = errors.Status.FromString(trailers.get("grpc-status-details-bin", b""))
        details = []
        for packed in status.details:
            if packed.Is(errors.BadRequest.DESCRIPTOR):
                detail = errors.BadRequest()
                packed.Unpack(detail)
                details += [f"{violation.field}: {violation.description}" for violation in detail.field_violations]
            elif packed.Is(errors.ResourceInfo.DESCRIPTOR):
                detail = errors.ResourceInfo()
                packed.Unpack(detail)
                details.append(f"{detail.resource_type}: {detail.resource_name}")
            else:
                details.append(packed.type_url)
        return {
            "code": error.code().name,
            "message": error.details(),
            "detailsCode": status.code,
            "detailsMessage": status.message,
            "details": details,
        }
    return {"code": "OK", "message": "", "detailsCode": 0, "detailsMessage": "", "details": []}


def refusals(users_target, orders_target):
    with grpc.insecure_channel(users_target) as to_users, grpc.insecure_channel(orders_target) as to_orders:
        stub = orders_services.OrderServiceStub(to_orders)
        user = create_user(to_users).id
        nobody = str(uuid.uuid4())
        method = "/contrail.orders.v1.OrderService/CreateOrder"
        return {
            "quantity": refusal(lambda: stub.CreateOrder(order_request(user, quantity=0), timeout=TIMEOUT)),
            "email": refusal(
                lambda: users_services.UserServiceStub(to_users).CreateUser(
                    users.CreateUserRequest(email="nowhere"), timeout=TIMEOUT
                )
            ),
            "user": refusal(lambda: stub.CreateOrder(order_request(nobody), timeout=TIMEOUT)),
            # Field 1 claims more bytes than there are: no protobuf message.
            "garbage": refusal(lambda: to_orders.unary_unary(method)(b"\x0a\xff\x01", timeout=TIMEOUT)),
            "method": refusal(lambda: to_orders.unary_unary(method + "s")(b"", timeout=TIMEOUT)),
            "healthy": refusal(lambda: stub.CreateOrder(order_request(user), timeout=TIMEOUT)),
        }


def asked(stub, service):
    request = health.HealthCheckRequest(service=service)
    try:
        answer = stub.Check(request, timeout=TIMEOUT).status
        return health.HealthCheckResponse.ServingStatus.Name(answer)
    except grpc.RpcError as error:
        return error.code().name


def watched(stub, service):
    """The first status of a watch, which then goes on until it is cancelled."""
    watch = stub.Watch(health.HealthCheckRequest(service=service), timeout=TIMEOUT)
    first = health.HealthCheckResponse.ServingStatus.Name(next(watch).status)
    watch.cancel()
    return first


def check_health(target, service):
    with grpc.insecure_channel(target) as channel:
        stub = health_services.HealthStub(channel)
        return {
            "server": asked(stub, ""),
            "service": asked(stub, service),
            "unknown": asked(stub, "contrail.nothing.v1.Nothing"),
            "watchServer": watched(stub, ""),
            "watchService": watched(stub, service),
            "watchUnknown": watched(stub, "contrail.nothing.v1.Nothing"),
        }


command = {"order": order, "refusals": refusals, "health": check_health}[sys.argv[1]]
print(json.dumps(command(*sys.argv[2:])))
