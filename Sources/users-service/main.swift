internal import ServiceRuntime
internal import Users

await ServiceMain.run(UsersService.self)
