# SPDX-License-Identifier: Apache-2.0
"""The servers of a hub that is spread out, from the distribution's packages, on loopback: three of NATS, ZooKeeper with two replicas of
ClickHouse, PostgreSQL, nginx. Each is a process of this one, has its data in a folder below 'root', is ended by its number alone, and can be
started again where it was."""

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
import urllib.request


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def wait_for(what, true, seconds):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"scale: {what} takes longer than {seconds} s")
        time.sleep(0.05)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Certificates:
    """An authority, and one certificate for servers and hubs of the cluster."""

    def __init__(self, root):
        self.folder = f"{root}/tls"
        os.makedirs(self.folder)
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        self.run("req", "-x509", *key, "-subj", "/CN=luytre scale", "-keyout", "ca.key", "-out", "ca.pem")
        self.run("req", "-x509", *key, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-CA", "ca.pem",
                 "-CAkey", "ca.key", "-keyout", "own.key", "-out", "own.pem")

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Server:
    """One process: 'arguments' starts it, 'ready' says whether it answers."""

    def __init__(self, name, folder, user=None):
        self.name, self.folder, self.user, self.process = name, folder, user, None
        os.makedirs(folder, exist_ok=True)
        if user:
            shutil.chown(folder, user)

    def start(self, seconds=60):
        def become():
            if self.user:
                entry = pwd.getpwnam(self.user)
                os.setgroups([])
                os.setgid(entry.pw_gid)
                os.setuid(entry.pw_uid)

        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(self.arguments(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=become, start_new_session=True)
        wait_for(self.name, self.is_up, seconds)

    def is_up(self):
        if self.process.poll() is not None:
            raise SystemExit(f"scale: {self.name} ended with {self.process.returncode}: {self.folder}/log")
        return self.ready()

    def kill(self, number=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, number)
            self.process.wait()


class Nats(Server):
    def __init__(self, root, index, ports, routes, tls):
        super().__init__(f"nats-{index}", f"{root}/nats-{index}")
        self.port = ports[index]
        secure = f'tls {{ cert_file: "{tls.folder}/own.pem", key_file: "{tls.folder}/own.key", ca_file: "{tls.folder}/ca.pem", verify: true }}'
        write(f"{self.folder}/conf", f"""server_name: n{index}
listen: "127.0.0.1:{self.port}"
jetstream {{ store_dir: "{self.folder}/store", max_mem: 64MB, max_file: 4GB }}
{secure}
cluster {{ {secure}, name: luytre, listen: "127.0.0.1:{routes[index]}", routes: [{", ".join(f'"nats://127.0.0.1:{r}"' for r in routes)}] }}
""")

    def arguments(self):
        return ["nats-server", "-c", f"{self.folder}/conf"]

    def ready(self):
        return answers(self.port)


class ZooKeeper(Server):
    def __init__(self, root):
        super().__init__("zookeeper", f"{root}/zookeeper")
        self.port = free_port()
        write(f"{self.folder}/zoo.cfg", f"tickTime=1000\ndataDir={self.folder}/data\nclientPortAddress=127.0.0.1\n"
              f"clientPort={self.port}\nadmin.enableServer=false\n")

    def arguments(self):
        return ["java", "-Xmx256m", "-cp", "/usr/share/java/zookeeper.jar:/etc/zookeeper/conf_example",
                "-Dzookeeper.log.dir=" + self.folder, "-Dzookeeper.root.logger=WARN,CONSOLE",
                "org.apache.zookeeper.server.quorum.QuorumPeerMain", f"{self.folder}/zoo.cfg"]

    def ready(self):
        return answers(self.port)


class ClickHouse(Server):
    def __init__(self, root, index, zookeeper):
        super().__init__(f"clickhouse-{index}", f"{root}/clickhouse-{index}")
        f, self.port = self.folder, free_port()
        write(f"{f}/config.xml", f"""<yandex><logger><level>warning</level><log>{f}/server.log</log><errorlog>{f}/errors.log</errorlog></logger>
<http_port>{self.port}</http_port><tcp_port>{free_port()}</tcp_port><interserver_http_port>{free_port()}</interserver_http_port>
<interserver_http_host>127.0.0.1</interserver_http_host><listen_host>127.0.0.1</listen_host>
<path>{f}/data/</path><tmp_path>{f}/tmp/</tmp_path><users_config>{f}/users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database><mark_cache_size>67108864</mark_cache_size>
<zookeeper><node><host>127.0.0.1</host><port>{zookeeper.port}</port></node><session_timeout_ms>6000</session_timeout_ms></zookeeper>
<merge_tree><old_parts_lifetime>20</old_parts_lifetime></merge_tree>
<macros><shard>1</shard><replica>r{index}</replica></macros></yandex>
""")
        write(f"{f}/users.xml", "<yandex><profiles><default></default></profiles><users><default><password></password><networks>"
              "<ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>"
              "<quotas><default></default></quotas></yandex>\n")

    def arguments(self):
        return ["clickhouse-server", f"--config-file={self.folder}/config.xml"]

    def ask(self, sql):
        url = f"http://127.0.0.1:{self.port}/?database=luytre"
        with urllib.request.urlopen(url, sql.encode(), 120) as answer:
            return answer.read().decode()

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/?query=select%201", None, 2) as answer:
                return answer.read() == b"1\n"
        except OSError:
            return False


class PostgreSQL(Server):
    def __init__(self, root):
        user = "postgres" if os.geteuid() == 0 else None
        super().__init__("postgresql", f"{root}/postgresql", user)
        self.port = free_port()
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.place = f"host=127.0.0.1 port={self.port} user=luytre dbname=postgres connect_timeout=2"
        prefix = ["runuser", "-u", user, "--"] if user else []
        subprocess.run([*prefix, f"{self.bin}/initdb", "-D", f"{self.folder}/data", "-A", "trust", "-U", "luytre", "-E", "UTF8",
                        "--locale=C"], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def arguments(self):
        return [f"{self.bin}/postgres", "-D", f"{self.folder}/data", "-k", self.folder, "-c", f"port={self.port}", "-c",
                "listen_addresses=127.0.0.1"]

    def ready(self):
        return subprocess.run([f"{self.bin}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False).returncode == 0


class Nginx(Server):
    """Edges pass through as they are, for their certificates are the hub's business; a page of the console is asked of who answers."""

    def __init__(self, root, doors, consoles):
        super().__init__("nginx", f"{root}/nginx")
        f, self.edges, self.console = self.folder, free_port(), free_port()
        module = "/usr/lib/nginx/modules/ngx_stream_module.so"
        write(f"{f}/conf", f"""{f"load_module {module};" if os.path.exists(module) else ""}
{"user root;" if os.geteuid() == 0 else ""} daemon off; worker_processes 2; pid {f}/pid; error_log {f}/error.log warn;
events {{ worker_connections 1024; }}
stream {{
	upstream hubs {{ {" ".join(f"server 127.0.0.1:{p} max_fails=0;" for p in doors)} }}
	server {{ listen 127.0.0.1:{self.edges}; proxy_pass hubs; proxy_connect_timeout 1s; proxy_timeout 30s; }}
}}
http {{
	access_log off; client_body_temp_path {f}/t1; proxy_temp_path {f}/t2; fastcgi_temp_path {f}/t3; uwsgi_temp_path {f}/t4; scgi_temp_path {f}/t5;
	upstream console {{ {" ".join(f"server unix:{c} max_fails=0;" for c in consoles)} }}
	server {{ listen 127.0.0.1:{self.console}; location / {{ proxy_pass http://console; proxy_connect_timeout 1s; }} }}
}}
""")

    def arguments(self):
        return ["nginx", "-c", f"{self.folder}/conf", "-p", self.folder, "-e", f"{self.folder}/error.log"]

    def ready(self):
        return answers(self.edges)

    def workers(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def kill_all(self):
        pids = self.workers()
        self.kill()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


class Hub(Server):
    """Ends itself when another one leads: whoever asks starts it again, as a service manager would."""

    def __init__(self, root, index, program, servers, tls):
        super().__init__(f"hub-{index}", f"{root}/hub-{index}")
        self.index, self.program, self.servers, self.tls, self.port = index, program, servers, tls.folder, free_port()
        self.state = f"{self.folder}/state"
        self.socket, self.console = f"{self.folder}/control.sock", f"{self.folder}/console.sock"

    def arguments(self):
        nats, control, events = self.servers
        return [self.program, "hub", "run", "--state", self.state, "--socket", self.socket, "--address", "127.0.0.1", "--port",
                str(self.port), "--names", "localhost,127.0.0.1", "--console-socket", self.console, "--control", control,
                "--events", f"{events}&node={self.index}", "--cluster", nats, "--cluster-ca",
                f"{self.tls}/ca.pem", "--cluster-cert", f"{self.tls}/own.pem", "--cluster-key", f"{self.tls}/own.key"]

    def ready(self):
        return True

    def ask(self, line):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(20)
                s.connect(self.socket)
                s.sendall(line.encode() + b"\n")
                answer = b""
                while not answer.endswith(b"\n"):
                    part = s.recv(1 << 20)
                    if not part:
                        return None
                    answer += part
                return answer.decode()
        except OSError:
            return None

    def leads(self):
        return self.process.poll() is None and answers(self.port)
