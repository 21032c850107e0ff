# GenServer's side. It speaks what src/sides/serve.ts speaks: a line "row operations" on stdin is
# answered with a line of JSON, and it ends when stdin does. Everything that is measured is in a
# module, and so compiled; a wrong count raises.

defmodule Counter do
  use GenServer
  def init(sum), do: {:ok, sum}
  def handle_call({:add, n}, _from, sum), do: {:reply, sum + n, sum + n}
  def handle_call(:get, _from, sum), do: {:reply, sum, sum}
  def handle_cast({:add, n}, sum), do: {:noreply, sum + n}
end

defmodule Player do
  use GenServer
  def init(judge), do: {:ok, {0, nil, judge}}
  def handle_call({:face, other}, _from, {n, _, judge}), do: {:reply, :ok, {n, other, judge}}
  def handle_call(:handled, _from, {n, _, _} = state), do: {:reply, n, state}

  def handle_cast({:ball, 0}, {n, other, judge}) do
    send(judge, :finished)
    {:noreply, {n + 1, other, judge}}
  end

  def handle_cast({:ball, left}, {n, other, judge}) do
    GenServer.cast(other, {:ball, left - 1})
    {:noreply, {n + 1, other, judge}}
  end
end

defmodule Rows do
  @callers 100
  @burst 10_000
  # The deep mailbox is waited for as long as it takes, on a slow machine too.
  @patience 60_000

  def run("call", n), do: counted(n, fn counter -> calls(counter, n) end)

  def run("call-100", n) do
    counted(n, fn counter ->
      1..@callers
      |> Enum.map(fn _ -> Task.async(fn -> calls(counter, div(n, @callers)) end) end)
      |> Task.await_many(@patience)
    end)
  end

  def run("cast", n) do
    counted(n, fn counter ->
      for burst <- 1..div(n, @burst) do
        casts(counter, @burst)
        expect(GenServer.call(counter, :get), burst * @burst)
      end
    end)
  end

  def run("ping-pong", n) do
    {:ok, left} = GenServer.start(Player, self())
    {:ok, right} = GenServer.start(Player, self())
    :ok = GenServer.call(left, {:face, right})
    :ok = GenServer.call(right, {:face, left})

    rate =
      timed(n, fn ->
        GenServer.cast(left, {:ball, n - 1})

        receive do
          :finished -> GenServer.call(left, :handled) + GenServer.call(right, :handled)
        end
      end)

    GenServer.stop(left)
    GenServer.stop(right)
    rate
  end

  def run("start-stop", n), do: timed(n, fn -> start_stop(n, 0) end)

  def run("idle-bytes", n) do
    :erlang.garbage_collect()
    before = :erlang.memory(:processes)
    counters = for _ <- 1..n, do: start()
    used = :erlang.memory(:processes) - before
    expect(Enum.count(counters, &Process.alive?/1), n)
    Enum.each(counters, &Process.exit(&1, :kill))
    used / n
  end

  # The process is suspended while its mailbox fills, as the other sides' cannot run meanwhile.
  def run("deep-mailbox", n) do
    counted(n, fn counter ->
      :erlang.suspend_process(counter)
      casts(counter, n)
      :erlang.resume_process(counter)
    end)
  end

  defp start do
    {:ok, counter} = GenServer.start(Counter, 0)
    counter
  end

  # The sum is asked for within the time, so that everything has been handled.
  defp counted(n, work) do
    counter = start()

    rate =
      timed(n, fn ->
        work.(counter)
        GenServer.call(counter, :get, @patience)
      end)

    GenServer.stop(counter)
    rate
  end

  defp timed(n, work) do
    {microseconds, done} = :timer.tc(work)
    expect(done, n)
    n / microseconds * 1.0e6
  end

  defp calls(_counter, 0), do: :ok

  defp calls(counter, n) do
    GenServer.call(counter, {:add, 1})
    calls(counter, n - 1)
  end

  defp casts(_counter, 0), do: :ok

  defp casts(counter, n) do
    GenServer.cast(counter, {:add, 1})
    casts(counter, n - 1)
  end

  defp start_stop(0, done), do: done

  defp start_stop(n, done) do
    :ok = GenServer.stop(start())
    start_stop(n - 1, done + 1)
  end

  defp expect(actual, expected) when actual == expected, do: :ok
  defp expect(actual, expected), do: raise("expected a count of #{expected}, got #{actual}")
end

defmodule Serve do
  def loop do
    case IO.gets("") do
      line when is_binary(line) ->
        [row, operations] = String.split(line)
        IO.puts(answer(row, String.to_integer(operations)))
        loop()

      _ended ->
        :ok
    end
  end

  defp answer(row, operations) do
    # A process of its own for each row, so that no heap is handed on.
    Task.async(fn -> ~s({"value":#{Rows.run(row, operations)}}) end) |> Task.await(:infinity)
  rescue
    error -> ~s({"error":#{inspect(Exception.message(error))}})
  end
end

IO.puts(~s({"ready":true}))
Serve.loop()
