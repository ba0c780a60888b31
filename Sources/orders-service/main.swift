internal import Orders
internal import ServiceRuntime

await ServiceMain.run(OrdersService.self)
