internal import ArgumentParser
internal import ContrailCLI

@main
enum Contrail {
    static func main() async {
        await ContrailCommand.main()
    }
}
