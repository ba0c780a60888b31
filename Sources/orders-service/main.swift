internal import ServiceRuntime
internal import Orders

await ServiceMain.run(OrdersService.self)
