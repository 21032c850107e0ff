# Erlang's distribution as a side: GenServer calls between two BEAM nodes on loopback, the other one
# started from here and gone with this one. It speaks what src/sides/serve.ts speaks. Everything
# that is measured is in a module, and so compiled; a wrong count raises.

[{_, counter_code}] =
  Code.compile_string("""
  defmodule RemoteCounter do
    use GenServer
    def init(sum), do: {:ok, sum}
    def handle_call({:add, n}, _from, sum), do: {:reply, sum + n, sum + n}
    def handle_call({:echo, payload}, _from, sum), do: {:reply, payload, sum}
    def handle_cast({:add, n}, sum), do: {:noreply, sum + n}
  end
  """)

defmodule Rows do
  @callers 256
  @burst 10_000
  @patience 60_000

  def run("remote-call", counter, n), do: counted(counter, n, fn -> calls(counter, n) end)

  def run("remote-call-256", counter, n) do
    counted(counter, n, fn ->
      1..@callers
      |> Enum.map(fn _ -> Task.async(fn -> calls(counter, div(n, @callers)) end) end)
      |> Task.await_many(@patience)
    end)
  end

  def run("remote-cast", counter, n) do
    first = sum(counter)

    counted(counter, n, fn ->
      for burst <- 1..div(n, @burst) do
        casts(counter, @burst)
        expect(sum(counter), first + burst * @burst)
      end
    end)
  end

  def run("remote-call-1kb", counter, n), do: echoes(counter, n, 1_000)
  def run("remote-call-1mb", counter, n), do: echoes(counter, n, 1_000_000)

  defp echoes(counter, n, bytes) do
    payload = :binary.copy("x", bytes)
    timed(n, fn -> echo(counter, payload, bytes, n, 0) end)
  end

  defp echo(_counter, _payload, _bytes, 0, done), do: done

  defp echo(counter, payload, bytes, n, done) do
    expect(byte_size(GenServer.call(counter, {:echo, payload})), bytes)
    echo(counter, payload, bytes, n - 1, done + 1)
  end

  defp counted(counter, n, work) do
    before = sum(counter)

    timed(n, fn ->
      work.()
      sum(counter) - before
    end)
  end

  defp timed(n, work) do
    {microseconds, done} = :timer.tc(work)
    expect(done, n)
    n / microseconds * 1.0e6
  end

  defp sum(counter), do: GenServer.call(counter, {:add, 0}, @patience)

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

  defp expect(actual, expected) when actual == expected, do: :ok
  defp expect(actual, expected), do: raise("expected a count of #{expected}, got #{actual}")
end

defmodule Serve do
  def loop(counter) do
    case IO.gets("") do
      line when is_binary(line) ->
        [row, operations] = String.split(line)
        IO.puts(answer(row, counter, String.to_integer(operations)))
        loop(counter)

      _ended ->
        :ok
    end
  end

  defp answer(row, counter, operations) do
    # A process of its own for each row, so that no heap is handed on.
    Task.async(fn -> ~s({"value":#{Rows.run(row, counter, operations)}}) end)
    |> Task.await(:infinity)
  rescue
    error -> ~s({"error":#{inspect(Exception.message(error))}})
  end
end

paths = Enum.flat_map(:code.get_path(), fn path -> [~c"-pa", path] end)
options = %{name: :server, host: ~c"127.0.0.1", args: [~c"-setcookie", ~c"bench" | paths]}
{:ok, _peer, server} = :peer.start_link(options)

{:module, _} =
  :erpc.call(server, :code, :load_binary, [RemoteCounter, ~c"remote_counter", counter_code])

{:ok, counter} = :erpc.call(server, GenServer, :start, [RemoteCounter, 0])

IO.puts(~s({"ready":true}))
Serve.loop(counter)
