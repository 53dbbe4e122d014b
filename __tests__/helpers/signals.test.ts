// In processes of their own: that of the tests is a copy on which no listener
// ever hears anything.
import { type SignalName, signals } from '../../src/index.js';
import { printed, runScript } from '../support/child.js';

const send = 'const send = (name) => process.kill(process.pid, name);';

describe('signals', () => {
  test('tells which came, and how often', async () => {
    expect(
      await printed(`${send}
        (async () => {
          const events = api.signals('SIGHUP', 'SIGUSR2');
          send('SIGUSR2');
          print((await events.next()).value);
          send('SIGHUP');
          print((await events.next()).value);
          const waiting = events.next();
          setTimeout(send, 10, 'SIGHUP');
          print((await waiting).value);
          events.close();
        })();`),
    ).toEqual([
      { signal: 'SIGUSR2', count: 1 },
      { signal: 'SIGHUP', count: 1 },
      { signal: 'SIGHUP', count: 1 },
    ]);
  });

  test('loses none while nobody waits', async () => {
    const [total] = await printed(`${send}
      (async () => {
        let total = 0;
        const events = api.signals('SIGUSR2');
        for (let i = 0; i < 10; i++) {
          send('SIGUSR2');
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        for await (const { count } of events) {
          total += count;
          if (total >= 10) break;
        }
        print(total);
      })();`);
    expect(total).toBe(10);
  });

  test('keeps them from ending the process, until it is closed', async () => {
    const { stdout, status } = await runScript(`${send}
      (async () => {
        for await (const { signal } of api.signals('SIGHUP')) {
          print(signal);
          break;
        }
        print(process.listenerCount('SIGHUP'));
        setInterval(() => {}, 1000);
        send('SIGHUP');
      })();
      send('SIGHUP');`);
    // The shell that stands between says 128 and the number, if it stays.
    expect(stdout).toBe('"SIGHUP"\n0\n');
    expect(['SIGHUP', 129]).toContain(status);
  });

  test('leaves listeners of the program alone', async () => {
    expect(
      await printed(`${send}
        let heard = 0;
        process.on('SIGHUP', () => { heard++; });
        (async () => {
          const events = api.signals('SIGHUP');
          const other = api.signals('SIGHUP', 'SIGUSR2');
          send('SIGHUP');
          print([(await events.next()).value.count, (await other.next()).value.count]);
          events.close();
          send('SIGHUP');
          print((await other.next()).value.count);
          other.close();
          setImmediate(() => print([heard, process.listenerCount('SIGHUP')]));
        })();`),
    ).toEqual([[1, 1], 1, [2, 1]]);
  });

  test('takes numbers, and options last', async () => {
    expect(
      await printed(`${send}
        const { signals } = require('node:os').constants;
        (async () => {
          const controller = new AbortController();
          const events = api.signals(signals.SIGHUP, 'SIGHUP', { signal: controller.signal });
          send('SIGHUP');
          print((await events.next()).value);
          const waiting = events.next();
          controller.abort(new Error('mine'));
          print(await waiting.catch((error) => error.message));
          print(process.listenerCount('SIGHUP'));
        })();`),
    ).toEqual([{ signal: 'SIGHUP', count: 1 }, 'mine', 0]);
  });

  test('loses none that comes when it is opened again at once', async () => {
    expect(
      await printed(`${send}
        const { signals, Kqueue } = api;
        (async () => {
          const first = signals('SIGHUP');
          send('SIGHUP');
          print((await first.next()).value.count);
          first.close();
          const second = signals('SIGHUP');
          send('SIGHUP');
          // The loop has been round: the listener was called.
          await new Promise((resolve) => setTimeout(resolve, 1));
          await new Promise(setImmediate);
          print((await second.next()).value.count);
          second.close();
          process.on('SIGHUP', () => {});
          const kq = new Kqueue();
          kq.add({ filter: 'signal', signal: 'SIGHUP' });
          send('SIGHUP');
          await new Promise(setImmediate);
          await new Promise(setImmediate);
          print((await kq.next()).count);
          kq.close();
          process.removeAllListeners('SIGHUP');
        })();`),
    ).toEqual([1, 1, 1]);
  });

  test('counts none twice that came before it was opened', async () => {
    expect(
      await printed(`${send}
        (async () => {
          process.on('SIGHUP', () => {});
          const first = api.signals('SIGHUP');
          send('SIGHUP');
          print((await first.next()).value.count);
          first.close();
          const second = api.signals('SIGHUP');
          send('SIGHUP');
          await new Promise((resolve) => setTimeout(resolve, 1));
          await new Promise(setImmediate);
          print((await second.next()).value.count);
          second.close();
          process.removeAllListeners('SIGHUP');
        })();`),
    ).toEqual([1, 1]);
  });

  test('counts each once, by any of its names, whoever listens', async () => {
    expect(
      await printed(`${send}
        const { signals, Kqueue } = api;
        (async () => {
          const events = signals('SIGIOT', 'SIGABRT');
          send('SIGIOT');
          print((await events.next()).value);
          events.close();
          process.on('SIGIOT', () => {});
          const kq = new Kqueue();
          kq.add({ filter: 'signal', signal: 'SIGABRT' });
          send('SIGIOT');
          print((await kq.next()).count);
          kq.close();
          process.removeAllListeners('SIGIOT');
        })();`),
    ).toEqual([{ signal: 'SIGABRT', count: 1 }, 1]);
  });

  test('may be asked for by many', async () => {
    const { stdout, stderr } = await runScript(`${send}
      const all = Array.from({ length: 12 }, () => api.signals('SIGHUP'));
      for (const events of all.slice(1)) events.close();
      process.on('warning', ({ name }) => print(name));
      (async () => {
        send('SIGHUP');
        print((await all[0].next()).value.count);
        all[0].close();
        print(process.listenerCount('SIGHUP'));
      })();`);
    expect(stderr).toBe('');
    expect(stdout).toBe('1\n0\n');
  });

  test('does not keep a process alive that does not ask', async () => {
    expect(await printed("api.signals('SIGHUP'); print(1);")).toEqual([1]);
  });

  test.each<[readonly unknown[], ErrorConstructor]>([
    [[], TypeError],
    [[{}], TypeError],
    [[null], TypeError],
    [['SIGNOT'], RangeError],
    [['HUP'], RangeError],
    [['SIGKILL'], RangeError],
    [['SIGHUP', 'SIGSTOP'], RangeError],
    [[0], RangeError],
    [[{}, 'SIGHUP'], TypeError],
  ])('takes no %p', (args, kind) => {
    expect(() => signals(...(args as SignalName[]))).toThrow(kind);
  });
});
