import type { Behaviour } from './behaviour.ts';

/** `print` flushes, so that the order of lines is the order of the program. */
const prelude = `
import functools, os, signal, socket, sys, threading, time
print = functools.partial(print, flush=True)
`;

const server = `
def serve(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    def loop():
        while True:
            stream, _ = listener.accept()
            got = b""
            while chunk := stream.recv(4096):
                got += chunk
            stream.sendall(got.upper())
            stream.close()
    threading.Thread(target=loop, daemon=True).start()
`;

const sources: Record<Behaviour, string> = {
  print: 'print("one"); print("two"); print("three", file=sys.stderr)',
  fail: 'sys.exit(3)',
  sleep: `
def stop(*_):
    # Not print: the signal may come while print("ready") still writes, which forbids another one.
    os.write(1, b"stopping\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
print("ready")
time.sleep(600)`,
  stubborn: `
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready")
time.sleep(600)`,
  'long-line': 'print("x" * 200_000); print("end")',
  serve: `${server}
serve("/run/galley/8080.sock")
serve("/run/galley/admin.sock")
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print("ready")
time.sleep(600)`,
  trap: `${server}
serve("/run/galley/real.sock")
os.symlink("real.sock", "/run/galley/8080.sock")
open("/run/galley/8081.sock", "w").close()
print("ready")
time.sleep(600)`,
  output: `
open("/galley/out/a.txt", "w").write("alpha")
os.mkdir("/galley/out/dir")
open("/galley/out/dir/b.txt", "w").write("beta")
os.symlink("/etc/passwd", "/galley/out/link")
os.mkfifo("/galley/out/fifo")`,
  inputs: `
print(os.environ["GREETING"])
print(open("/galley/in/plan.json").read())
print(open("/run/secrets/key").read())`,
};

/** The behaviour as a Python program. */
export function pythonOf(behaviour: Behaviour): string {
  return prelude + sources[behaviour];
}
