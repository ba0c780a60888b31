internal import Notifications
internal import ServiceRuntime

await ServiceMain.run(NotificationsService.self)
