// What can only be seen from outside: whether a process ends, how, and what it
// says on the way. Each script runs the built package.
import { type Outcome, run } from '../support/built-package.js';
import { entry, literal, printed, runScript } from '../support/child.js';
import { onLinux } from '../support/fds.js';

const start = 'const kq = new api.Kqueue();';

test('a process ends when nobody waits, whatever is registered', async () => {
  const { status, stdout } = await runScript(`${start}
    kq.add({ filter: 'timer', id: 1, every: 10 });
    kq.next().then(() => print('one'));
  `);
  expect([stdout, status]).toEqual(['"one"\n', 0]);
});

test('a process lives while somebody waits', async () => {
  const { status, stdout } = await runScript(`${start}
    kq.add({ filter: 'timer', id: 1, after: 100 });
    kq.on(([event]) => { print(event.id); kq.close(); });
  `);
  expect([stdout, status]).toEqual(['1\n', 0]);
});

test('a wait of an unref’d queue does not keep the process alive', async () => {
  const { status, stdout } = await runScript(`${start}
    kq.unref();
    kq.next().then(() => print('never'));
    kq.next({ timeout: 60000 }).then(() => print('never'));
  `);
  expect([stdout, status]).toEqual(['', 0]);
  const late = await runScript(`${start}
    kq.next().then(() => print('never'));
    kq.next({ timeout: 60000 }).then(() => print('never'));
    setTimeout(() => kq.unref(), 5);
  `);
  expect([late.stdout, late.status]).toEqual(['', 0]);
  const again = await runScript(`${start}
    kq.unref();
    kq.next().then(() => print('came'));
    kq.ref();
    kq.add({ filter: 'timer', id: 1, after: 20 });
  `);
  expect([again.stdout, again.status]).toEqual(['"came"\n', 0]);
  const timed = await runScript(`${start}
    kq.unref();
    kq.next({ timeout: 20 }).then(() => print('over'));
    kq.ref();
  `);
  expect([timed.stdout, timed.status]).toEqual(['"over"\n', 0]);
});

test('an unref’d queue still delivers while something else keeps the process', async () => {
  expect(
    await printed(`${start}
      kq.unref();
      kq.add({ filter: 'timer', id: 1, after: 5 });
      const server = require('node:net').createServer().listen(0, '127.0.0.1');
      kq.next().then((event) => { print(event.id); server.close(); });
    `),
  ).toEqual([1]);
});

test('an aborted or timed-out wait no longer keeps the process alive', async () => {
  const { status } = await runScript(`${start}
    const controller = new AbortController();
    kq.next({ signal: controller.signal }).catch(() => {});
    kq.next({ timeout: 5 });
    controller.abort();
  `);
  expect(status).toBe(0);
});

test('time is never out early, nor for what came in time', async () => {
  expect(
    await printed(`${start}
      const spin = (ms) => {
        const end = performance.now() + ms;
        while (performance.now() < end);
      };
      (async () => {
        let early = 0;
        for (let i = 0; i < 100; i++) {
          spin(i * 0.02);
          const begin = performance.now();
          const wait =
            i % 2 === 0
              ? kq.next({ timeout: 2 })
              : api.exited(process.pid, { timeout: 2 }).catch(() => {});
          await wait;
          if (performance.now() - begin < 2) early++;
        }
        print(early);
        kq.add({ filter: 'timer', id: 1, after: 5 });
        const wait = kq.next({ timeout: 20 });
        spin(40);
        print((await wait)?.id);
      })();
    `),
  ).toEqual([0, 1]);
});

test('process.exit ends a process that waits', async () => {
  const { status } = await runScript(`${start}
    kq.next();
    kq.on(() => {});
    setTimeout(() => process.exit(7), 5);
  `);
  expect(status).toBe(7);
});

test.each([
  ['by itself', 'setTimeout(() => {}, 3);', 0],
  ['by process.exit', 'setTimeout(() => process.exit(5), 3);', 5],
  ['by an exception', 'setTimeout(() => { throw 1; }, 3);', 1],
  // Unref'd, it would end before there is an event.
  ['in a listener', 'kq.ref(); kq.on(() => process.exit(6));', 6],
])(
  'a process that ends %s while events come fast is not aborted',
  async (_, end, code) => {
    for (let i = 0; i < 8; i++) {
      const { status } = await runScript(`${start}
        kq.unref();
        kq.add({ filter: 'timer', id: 1, every: { us: 50 } });
        kq.on(() => {});
        ${end}
      `);
      expect(status).toBe(code);
    }
  },
);

test('process.exit in a listener ends the process with its code', async () => {
  const { status, stderr } = await runScript(`${start}
    kq.add({ filter: 'timer', id: 1, after: 5 });
    kq.on(() => process.exit(9));
  `);
  expect([stderr, status]).toEqual(['', 9]);
});

test('a thousand queues can be waited for, closed and collected', async () => {
  expect(
    await printed(
      `
      (async () => {
        for (let round = 0; round < 10; round++) {
          const queues = Array.from({ length: 100 }, () => new api.Kqueue());
          const waits = queues.map((kq) => kq.next());
          for (const kq of queues) kq.add({ filter: 'timer', id: 1, after: 1 });
          await Promise.all(waits);
          gc();
          for (const kq of queues) kq.close();
        }
        print(require('node:fs').readdirSync('/dev/fd').length < 60);
      })();
    `,
      { flags: ['--expose-gc'] },
    ),
  ).toEqual([true]);
});

describe('an exception', () => {
  test('in a listener is uncaught, and out of no other call', async () => {
    expect(
      await printed(`${start}
        process.on('uncaughtException', (error) => print(error.message));
        kq.add({ filter: 'timer', id: 1, every: 1 });
        let calls = 0;
        kq.on(() => {
          calls++;
          if (calls === 3) return kq.close();
          throw new Error('mine ' + calls);
        });
        setTimeout(() => {
          for (let i = 0; i < 1000; i++) {
            const other = new api.Kqueue();
            other.poll();
            other.close();
          }
        }, 2);
      `),
    ).toEqual(['mine 1', 'mine 2']);
  });

  test('in a listener ends a process that does not catch it', async () => {
    const { status, stderr } = await runScript(`${start}
      kq.add({ filter: 'timer', id: 1, after: 1 });
      kq.on(() => { throw new Error('mine'); });
    `);
    expect(status).toBe(1);
    expect(stderr).toContain('Error: mine');
  });

  test('in a loop’s body rejects the loop, and only that', async () => {
    expect(
      await printed(`${start}
        kq.add({ filter: 'timer', id: 1, every: 1 });
        (async () => {
          try {
            for await (const event of kq) throw new Error('mine');
          } catch (error) { print(error.message); }
          print((await kq.next()).id);
        })();
      `),
    ).toEqual(['mine', 1]);
  });
});

test('a signal ends neither a wait nor its time, and repeats no change', async () => {
  expect(
    await printed(`${start}
      const { spawn } = require('node:child_process');
      process.on('SIGUSR2', () => {});
      kq.add({ filter: 'user', id: 1 });
      const child = spawn('sh', ['-c',
        'for i in 1 2 3 4 5; do kill -USR2 ' + process.pid + '; sleep 0.02; done']);
      child.on('exit', () => {});
      const before = performance.now();
      print(kq.wait({ timeout: 300 }).length);
      print(performance.now() - before >= 300);
      kq.close();
    `),
  ).toEqual([0, true]);
});

test('promises resolve promptly, though nothing else happens', async () => {
  const [worst] = (await printed(`${start}
    kq.add({ filter: 'user', id: 1 });
    (async () => {
      let worst = 0;
      for (let i = 0; i < 20; i++) {
        const wait = 5;
        kq.add({ filter: 'timer', id: 2, after: wait });
        const before = performance.now();
        await kq.next();
        await null;
        worst = Math.max(worst, performance.now() - before - wait);
      }
      print(worst);
      kq.close();
    })();
  `)) as number[];
  expect(worst).toBeLessThan(250);
});

describe('a queue that is forgotten', () => {
  test('is closed, with one warning for the process', async () => {
    const { stdout, stderr, status } = await runScript(
      `
      const { readdirSync } = require('node:fs');
      const open = () => readdirSync('/dev/fd').length;
      const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
      (async () => {
        let forgotten = [new api.Kqueue(), new api.Kqueue()];
        forgotten.push(new api.Kqueue());
        const waited = forgotten[2];
        waited.add({ filter: 'timer', id: 1, after: 1 });
        await waited.next();
        return open();
      })().then(async (before) => {
        for (let i = 0; i < 50 && open() >= before; i++) { gc(); await turn(); }
        for (let i = 0; i < 10; i++) { gc(); await turn(); }
        print(open() < before);
      });
    `,
      { flags: ['--expose-gc'] },
    );
    expect(stdout).toBe('true\n');
    expect(status).toBe(0);
    expect(stderr.match(/was forgotten without close/g)).toHaveLength(1);
    expect(stderr).toContain('KQUEUE_FORGOTTEN');
  });

  test('is not, while somebody waits for it', async () => {
    expect(
      await printed(
        `
        const wait = () => {
          const kq = new api.Kqueue();
          kq.add({ filter: 'timer', id: 1, after: 100 });
          return kq.next();
        };
        const timer = setInterval(gc, 5);
        wait().then((event) => { clearInterval(timer); print(event.id); });
      `,
        { flags: ['--expose-gc'] },
      ),
    ).toEqual([1]);
  });

  test('does not warn when it was closed', async () => {
    const { stderr } = await runScript(
      `
      (() => { new api.Kqueue().close(); })();
      setTimeout(() => { gc(); setTimeout(gc, 5); }, 1);
    `,
      { flags: ['--expose-gc'] },
    );
    expect(stderr).toBe('');
  });
});

describe('in a worker thread', () => {
  /**
   * A script that starts workers with a body, and loads the package, and with
   * it the native library, nowhere else.
   */
  const inWorkers = async (body: string, script: string): Promise<Outcome> => {
    const source = `const api = require(${literal(entry)});
      const { parentPort } = require('node:worker_threads');
      ${body}`;
    const main = `const { Worker } = require('node:worker_threads');
      const make = () => new Worker(${literal(source)}, { eval: true });
      ${script}`;
    return run(process.execPath, ['-e', main]);
  };

  const waiting = `
    const kq = new api.Kqueue();
    kq.add({ filter: 'timer', id: 1, every: 1 });
    kq.on(() => {});
    const other = new api.Kqueue();
    other.next();
    parentPort.postMessage('waiting');
  `;

  test('events are delivered', async () => {
    const { stdout, status } = await inWorkers(
      `const kq = new api.Kqueue();
       kq.add({ filter: 'timer', id: 1, after: 5 });
       kq.next().then((event) => parentPort.postMessage(event.id));`,
      "make().on('message', (id) => console.log(id));",
    );
    expect([stdout, status]).toEqual(['1\n', 0]);
  });

  test('terminate ends a wait, again and again, and the process lives on', async () => {
    const { stdout, stderr, status } = await inWorkers(
      waiting,
      `let count = 0;
       const again = () => {
         const worker = make();
         worker.on('message', async () => {
           console.log(await worker.terminate());
           if (++count < 5) again();
           else setTimeout(() => console.log('alive'), 20);
         });
       };
       again();`,
    );
    expect([stdout, stderr, status]).toEqual(['1\n1\n1\n1\n1\nalive\n', '', 0]);
  });

  test('process.exit in the worker ends a wait, and the process lives on', async () => {
    const { stdout, stderr, status } = await inWorkers(
      `${waiting} setTimeout(() => process.exit(3), 5);`,
      `make().on('exit', (code) => {
         console.log(code);
         setTimeout(() => console.log('alive'), 20);
       });`,
    );
    expect([stdout, stderr, status]).toEqual(['3\nalive\n', '', 0]);
  });

  test('process.exit in the main thread ends all', async () => {
    const { status, stderr } = await inWorkers(
      waiting,
      // Not before all have loaded koffi, which aborts if it is terminated then.
      `let waiting = 0;
       for (let i = 0; i < 3; i++) {
         make().on('message', () => {
           if (++waiting === 3) setTimeout(() => process.exit(4), 5);
         });
       }`,
    );
    expect([stderr, status]).toEqual(['', 4]);
  });

  test('a worker that ends with a closed queue ends well', async () => {
    const { stdout, status } = await inWorkers(
      `const kq = new api.Kqueue();
       kq.next().then(() => parentPort.postMessage('ended'));
       kq.close();`,
      "make().on('message', (what) => console.log(what));",
    );
    expect([stdout, status]).toEqual(['ended\n', 0]);
  });
});

onLinux(
  'more queues wait for one socket than the event loop can watch',
  async () => {
    // Linux lets a hundred of them wake an epoll, and the loop aborts if it is
    // refused one.
    const told = await printed(`
    const { connect, createServer } = require('node:net');
    const server = createServer({ pauseOnConnect: true }, async (socket) => {
      const queues = Array.from({ length: 150 }, () => new api.Kqueue());
      // Some wait before there is anything to wait for, some after.
      const waits = queues.map((kq, i) => {
        const change = { filter: 'read', fd: socket._handle.fd };
        if (i % 2 === 0) kq.add(change);
        const wait = kq.next({ timeout: 15000 });
        if (i % 2 === 1) kq.add(change);
        return wait;
      });
      client.write('x');
      const events = await Promise.all(waits);
      print(events.filter((event) => event?.available === 1).length);
      for (const kq of queues) kq.close();
      socket.destroy();
      client.destroy();
      server.close();
    });
    let client;
    server.listen(0, '127.0.0.1', () => {
      client = connect(server.address().port, '127.0.0.1');
    });`);
    expect(told).toEqual([150]);
  },
);

test('hundreds of queues wait, each for something of its own', async () => {
  const told = await printed(`
    const queues = Array.from({ length: 300 }, () => new api.Kqueue());
    const waits = queues.map((kq, id) => {
      kq.add({ filter: 'timer', id, after: 1 + (id % 50) });
      return kq.next({ timeout: 15000 });
    });
    Promise.all(waits).then((events) => {
      print(events.every((event, id) => event?.id === id));
      for (const kq of queues) kq.close();
    });`);
  expect(told).toEqual([true]);
});
