internal import ServiceRuntime
internal import Notifications

await ServiceMain.run(NotificationsService.self)
